//! Whether octets are a whole shared library for this machine.
//!
//! The loader believes a file's headers: one that speaks of more than there is kills it.

use std::env::consts::ARCH;

use object::Endianness;
use object::elf;
use object::read::elf::{Dyn, FileHeader, ProgramHeader, SectionHeader};

use super::fault::LibraryFault;

#[cfg(target_pointer_width = "64")]
type Header = elf::FileHeader64<Endianness>;
#[cfg(target_pointer_width = "32")]
type Header = elf::FileHeader32<Endianness>;

/// Where every ELF header has its class, its byte order and its machine.
const CLASS: usize = 4;
const ORDER: usize = 5;
const MACHINE: std::ops::Range<usize> = 18..20;

/// Machines as Rust names them: with 32-bit and with 64-bit addresses.
const MACHINES: [(elf::Machine, &str, &str); 11] = [
    (elf::EM_386, "x86", "x86"),
    (elf::EM_X86_64, "x32", "x86_64"),
    (elf::EM_ARM, "arm", "arm"),
    (elf::EM_AARCH64, "aarch64 ilp32", "aarch64"),
    (elf::EM_RISCV, "riscv32", "riscv64"),
    (elf::EM_PPC, "powerpc", "powerpc"),
    (elf::EM_PPC64, "powerpc64", "powerpc64"),
    (elf::EM_S390, "s390", "s390x"),
    (elf::EM_LOONGARCH, "loongarch32", "loongarch64"),
    (elf::EM_MIPS, "mips", "mips64"),
    (elf::EM_SPARCV9, "sparc64", "sparc64"),
];

/// Whether `octets` can be given to the loader.
///
/// # Errors
/// What they are instead, or what is missing.
pub(super) fn judge(octets: &[u8]) -> Result<(), LibraryFault> {
    if !octets.starts_with(&elf::ELFMAG) {
        return Err(LibraryFault::NotALibrary { what: guess(octets).to_owned() });
    }
    holds(octets, size_of::<Header>() as u64)?;
    for_this_machine(octets)?;
    let header = Header::parse(octets).map_err(damaged)?;
    let endian = header.endian().map_err(damaged)?;

    holds(
        octets,
        table_end(header.e_phoff(endian), header.e_phentsize(endian), header.e_phnum(endian)),
    )?;
    holds(
        octets,
        table_end(header.e_shoff(endian), header.e_shentsize(endian), header.e_shnum(endian)),
    )?;
    let segments = header.program_headers(endian, octets).map_err(damaged)?;
    for segment in segments {
        holds(octets, end(segment.file_range(endian)))?;
    }
    let sections = header.section_headers(endian, octets).map_err(damaged)?;
    for range in sections.iter().filter_map(|section| section.file_range(endian)) {
        holds(octets, end(range))?;
    }

    let what = match header.e_type(endian) {
        elf::ET_DYN => None,
        elf::ET_EXEC => Some("a program"),
        elf::ET_REL => Some("an object file"),
        elf::ET_CORE => Some("a core file"),
        _ => Some("an ELF file of an unknown type"),
    };
    if let Some(what) = what {
        return Err(LibraryFault::NotALibrary { what: what.to_owned() });
    }
    let mut dynamic = None;
    for segment in segments {
        dynamic = segment.dynamic(endian, octets).map_err(damaged)?.or(dynamic);
    }
    let Some(dynamic) = dynamic else {
        return Err(LibraryFault::Damaged { why: "it has no dynamic section".to_owned() });
    };
    let flags = dynamic.iter().find(|entry| entry.tag(endian) == elf::DT_FLAGS_1);
    if flags.is_some_and(|flags| flags.val(endian) & elf::DF_1_PIE.0 != 0) {
        return Err(LibraryFault::NotALibrary { what: "a program".to_owned() });
    }
    Ok(())
}

fn for_this_machine(octets: &[u8]) -> Result<(), LibraryFault> {
    let wide = octets[CLASS] == elf::ELFCLASS64.0;
    let big = octets[ORDER] == elf::ELFDATA2MSB.0;
    let number = [octets[MACHINE.start], octets[MACHINE.start + 1]];
    let number = if big { u16::from_be_bytes(number) } else { u16::from_le_bytes(number) };
    let known = MACHINES.iter().find(|(machine, ..)| machine.0 == number);
    let name = known.map(|(_, narrow, plain)| if wide { *plain } else { *narrow });
    // A machine that has no name here may be ours only where ours has none either.
    let ours_has_a_name = MACHINES.iter().any(|(_, narrow, wide)| *narrow == ARCH || *wide == ARCH);
    let same = match name {
        Some(name) => name == ARCH,
        None => !ours_has_a_name,
    };
    let theirs = name.map_or_else(|| format!("the ELF machine {number}"), str::to_owned);
    if !same || wide != cfg!(target_pointer_width = "64") {
        return Err(LibraryFault::OtherMachine { theirs, ours: ARCH.to_owned() });
    }
    if big != cfg!(target_endian = "big") {
        let order = |big| if big { "big-endian" } else { "little-endian" };
        return Err(LibraryFault::OtherMachine {
            theirs: format!("{} {theirs}", order(big)),
            ours: format!("{} {ARCH}", order(!big)),
        });
    }
    Ok(())
}

/// Whether there are as many octets as something speaks of.
fn holds(octets: &[u8], needs: u64) -> Result<(), LibraryFault> {
    let size = octets.len() as u64;
    if needs > size {
        return Err(LibraryFault::Truncated { size, needs });
    }
    Ok(())
}

fn table_end(offset: impl Into<u64>, entry: u16, count: u16) -> u64 {
    end((offset.into(), u64::from(entry) * u64::from(count)))
}

fn end((offset, size): (u64, u64)) -> u64 {
    // What overflows is more than any file has.
    offset.saturating_add(size)
}

#[allow(clippy::needless_pass_by_value)] // for map_err
fn damaged(error: object::read::Error) -> LibraryFault {
    LibraryFault::Damaged { why: error.to_string() }
}

/// What else somebody may have put there.
fn guess(octets: &[u8]) -> &'static str {
    const BEGINNINGS: [(&[u8], &str); 8] = [
        (b"#!", "a script"),
        (b"!<arch>\n", "a static library or a package"),
        (b"MZ", "a file for Windows"),
        (b"\xcf\xfa\xed\xfe", "a file for macOS"),
        (b"\xca\xfe\xba\xbe", "a file for macOS or Java"),
        (b"\xfd7zXZ\0", "compressed (xz)"),
        (b"\x1f\x8b", "compressed (gzip)"),
        (b"PK\x03\x04", "compressed (zip)"),
    ];
    if let Some((_, what)) = BEGINNINGS.iter().find(|(beginning, _)| octets.starts_with(beginning))
    {
        return what;
    }
    let start = &octets[..octets.len().min(512)];
    let text = |octet: &u8| matches!(octet, b'\t' | b'\n' | b'\r' | b' '..=b'~' | 0x80..);
    if start.iter().all(text) { "a text" } else { "no ELF file" }
}
