//! Whether octets are a whole shared library for this machine.
//!
//! The loader believes a file's headers: one that speaks of more than there is kills it.
#![allow(clippy::useless_conversion)] // addresses are narrower in 32-bit headers

use std::env::consts::ARCH;

use object::Endianness;
use object::elf;
use object::read::elf::{Dyn, FileHeader, ProgramHeader, SectionHeader, Sym};

use super::fault::LibraryFault;
use super::words::clean;

#[cfg(target_pointer_width = "64")]
type Header = elf::FileHeader64<Endianness>;
#[cfg(target_pointer_width = "32")]
type Header = elf::FileHeader32<Endianness>;

/// Where every ELF header has its class, its byte order and its machine.
const CLASS: usize = 4;
const ORDER: usize = 5;
const MACHINE: std::ops::Range<usize> = 18..20;

/// Of a text in it, so many characters are shown.
const SHOWN: usize = 200;

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
    for segment in segments.iter().filter(|one| one.p_type(endian) == elf::PT_DYNAMIC) {
        // The loader goes by the address.
        let there = place_of(segments, endian, segment.p_vaddr(endian).into());
        if there != Some(segment.p_offset(endian).into()) {
            return Err(LibraryFault::Damaged {
                why: "its dynamic section is not where it says".to_owned(),
            });
        }
    }
    finds_no_others(octets, endian, segments, dynamic)
}

/// Whether it leaves to the system where the libraries are found that it needs: who owns another
/// folder would run code as us.
fn finds_no_others(
    octets: &[u8],
    endian: Endianness,
    segments: &[<Header as FileHeader>::ProgramHeader],
    dynamic: &[<Header as FileHeader>::Dyn],
) -> Result<(), LibraryFault> {
    // The loader reads up to the first of these, and of several tables believes the last.
    let entries = dynamic.iter().take_while(|entry| entry.tag(endian) != elf::DT_NULL);
    let texts = entries.clone().filter(|entry| entry.tag(endian) == elf::DT_STRTAB).last();
    let texts = texts.map_or(0, |entry| u64::from(entry.val(endian)));
    for entry in entries {
        let by = match entry.tag(endian) {
            elf::DT_NEEDED => "NEEDED",
            elf::DT_RPATH => "RPATH",
            elf::DT_RUNPATH => "RUNPATH",
            elf::DT_AUDIT => "AUDIT",
            elf::DT_DEPAUDIT => "DEPAUDIT",
            elf::DT_AUXILIARY => "AUXILIARY",
            elf::DT_FILTER => "FILTER",
            _ => continue,
        };
        let place = texts.checked_add(entry.val(endian).into());
        let text = place.and_then(|place| loaded(octets, segments, endian, place));
        let Some(text) = text.and_then(|text| text.split(|&octet| octet == 0).next()) else {
            return Err(LibraryFault::Damaged { why: format!("its {by} has no text") });
        };
        if by != "NEEDED" || text.contains(&b'/') {
            let from = clean(&String::from_utf8_lossy(text), SHOWN);
            return Err(LibraryFault::Elsewhere { from, by });
        }
    }
    Ok(())
}

/// What stands in the file at the symbol `name`, and behind it.
///
/// # Errors
/// What is wrong with the file; there may be no such symbol.
pub(super) fn symbol<'a>(octets: &'a [u8], name: &str) -> Result<Option<&'a [u8]>, LibraryFault> {
    let header = Header::parse(octets).map_err(damaged)?;
    let endian = header.endian().map_err(damaged)?;
    let segments = header.program_headers(endian, octets).map_err(damaged)?;
    let sections = header.sections(endian, octets).map_err(damaged)?;
    let symbols = sections.symbols(endian, octets, elf::SHT_DYNSYM).map_err(damaged)?;
    let found = symbols.iter().find(|symbol| {
        let its = symbol.name(endian, symbols.strings());
        its == Ok(name.as_bytes()) && symbol.st_shndx(endian) != elf::SHN_UNDEF
    });
    Ok(found.and_then(|it| loaded(octets, segments, endian, it.st_value(endian).into())))
}

/// What the file has for an address, to the end of that part of it.
fn loaded<'a>(
    octets: &'a [u8],
    segments: &[<Header as FileHeader>::ProgramHeader],
    endian: Endianness,
    address: u64,
) -> Option<&'a [u8]> {
    let segment = segment_of(segments, endian, address)?;
    let place = address - u64::from(segment.p_vaddr(endian));
    segment.data(endian, octets).ok()?.get(usize::try_from(place).ok()?..)
}

fn place_of(
    segments: &[<Header as FileHeader>::ProgramHeader],
    endian: Endianness,
    address: u64,
) -> Option<u64> {
    let segment = segment_of(segments, endian, address)?;
    let within = address - u64::from(segment.p_vaddr(endian));
    u64::from(segment.p_offset(endian)).checked_add(within)
}

/// The part of the file that is loaded at an address: of several the last.
fn segment_of(
    segments: &[<Header as FileHeader>::ProgramHeader],
    endian: Endianness,
    address: u64,
) -> Option<&<Header as FileHeader>::ProgramHeader> {
    let has = |segment: &&<Header as FileHeader>::ProgramHeader| {
        let start = u64::from(segment.p_vaddr(endian));
        let size = u64::from(segment.p_filesz(endian));
        segment.p_type(endian) == elf::PT_LOAD
            && address.checked_sub(start).is_some_and(|place| place < size)
    };
    segments.iter().rfind(has)
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
