//! The layout of all that crosses, held against the one that was written down for its version.
//!
//! After a change that is meant: raise the version in `sdk/abi/Cargo.toml` as
//! `docs/reference/abi.md` says, then
//! `RAIS_ABI_WRITE=1 cargo test -p rais-abi --test layout` and commit what it wrote.
#![cfg(all(target_pointer_width = "64", not(feature = "next")))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use abi_stable::StableAbi;
use abi_stable::abi_stability::abi_checking::check_layout_compatibility;
use abi_stable::std_types::UTypeId;
use abi_stable::type_layout::{TLData, TLField, TLFields, Tag, TypeLayout};
use rais_abi::{ABI_VERSION, BATCH, LOAD_UNKNOWN, PluginRoot_Ref, WEIGHT_NONE};

const ROOT: &TypeLayout = <PluginRoot_Ref as StableAbi>::LAYOUT;

type Layout = &'static TypeLayout;

/// The types of ours that have parameters; the first is made for each object.
const PARAMETRIC: [&str; 2] = ["VTable", "Make"];

/// They are all alike: what they take and give stands at the field.
const FUNCTION: &str = "abi_stable::AFunctionPointer";

/// A type that another leads to, and by which way.
struct Step {
    way: String,
    layout: Layout,
}

/// Every type that can be reached from the root, and how each is called.
struct Dump {
    types: Vec<Step>,
    names: HashMap<UTypeId, String>,
}

impl Dump {
    /// From near to far, so that the way to a type is the shortest.
    fn new() -> Self {
        let mut types = Vec::new();
        let mut names: HashMap<UTypeId, String> = HashMap::new();
        let mut ahead = VecDeque::from([Step { way: "root".to_owned(), layout: ROOT }]);
        while let Some(step) = ahead.pop_front() {
            if names.insert(step.layout.get_utypeid(), String::new()).is_none() {
                ahead.extend(Self::steps(&step));
                types.push(step);
            }
        }
        // A type's name comes without its parameters: where several have one, the way tells them
        // apart.
        let mut count: HashMap<String, usize> = HashMap::new();
        for step in &types {
            *count.entry(plain_name(step.layout)).or_default() += 1;
        }
        for step in &types {
            let plain = plain_name(step.layout);
            let name = match count[&plain] {
                1 => plain,
                _ if plain == FUNCTION => plain,
                _ => format!("{plain} at {}", step.way),
            };
            names.insert(step.layout.get_utypeid(), name);
        }
        Self { types, names }
    }

    fn steps(from: &Step) -> Vec<Step> {
        let mut steps = Vec::new();
        // From the last type of ours that there is once, so that ways stay short.
        let ours = from.layout.package() == "rais-abi" && !PARAMETRIC.contains(&from.layout.name());
        let from_here = if ours { from.layout.name() } else { &from.way };
        let mut step = |way: &str, layout| {
            steps.push(Step { way: format!("{from_here}.{way}"), layout });
        };
        for field in fields(from.layout) {
            for function in field.function_range() {
                for (at, layout) in function.param_type_layouts.iter().enumerate() {
                    step(&format!("{}({at})", field.name()), layout());
                }
                if let Some(layout) = function.return_type_layout() {
                    step(&format!("{}()", field.name()), layout());
                }
            }
            step(field.name(), field.layout());
        }
        for field in from.layout.phantom_fields().iter() {
            step(&format!("{}*", field.name()), field.layout());
        }
        steps
    }

    fn name(&self, layout: Layout) -> &str {
        &self.names[&layout.get_utypeid()]
    }

    /// A block of lines for each type, by name: a change of one is a change of its block.
    fn text(&self) -> String {
        let blocks: BTreeMap<&str, String> =
            self.types.iter().map(|step| (self.name(step.layout), self.block(step))).collect();
        let constants = format!(
            "constants\n  BATCH: {BATCH}\n  LOAD_UNKNOWN: {LOAD_UNKNOWN}\n  \
             WEIGHT_NONE: {WEIGHT_NONE}\n"
        );
        blocks.into_values().chain([constants]).collect::<Vec<_>>().join("\n")
    }

    fn block(&self, step: &Step) -> String {
        let layout = step.layout;
        let (package, version) = layout.package_and_version();
        let sort = match layout.data() {
            TLData::Primitive(primitive) => format!("primitive {primitive:?}"),
            TLData::Opaque => "opaque".to_owned(),
            TLData::Struct { .. } => "struct".to_owned(),
            TLData::Union { .. } => "union".to_owned(),
            TLData::Enum(data) => {
                let counts: Vec<u8> = data.field_count.iter().copied().collect();
                let variants: Vec<_> = data.variant_names_iter().zip(counts).collect();
                let open = if data.exhaustiveness.is_exhaustive() { "" } else { ", not all of it" };
                format!("enum {variants:?} = {:?}{open}", data.discriminants)
            }
            TLData::PrefixType(data) => format!("grows after {} fields", data.first_suffix_field),
        };
        let mut block = format!(
            "{}\n  {package} {}, size {}, align {}, {:?}{}, {sort}\n",
            self.name(layout),
            version.version,
            layout.size(),
            layout.alignment(),
            layout.repr_attr(),
            if layout.is_nonzero() { ", never zero" } else { "" },
        );
        // What abi_stable compares of a type beside its fields: what an object must be able to do.
        if let Some(checks) = layout.extra_checks() {
            let _ = writeln!(block, "  checks: {}", one_line(&checks));
        }
        if layout.tag() != Tag::NULL {
            let _ = writeln!(block, "  tag: {}", one_line(layout.tag()));
        }
        for (at, field) in fields(layout).iter().enumerate() {
            self.tell(field, &mut block);
            if let TLData::PrefixType(data) = layout.data() {
                if !data.accessible_fields.at(at).is_accessible() {
                    block.push_str("    not accessible\n");
                }
                if at < data.first_suffix_field.into()
                    && data.conditional_prefix_fields.at(at).is_conditional()
                {
                    block.push_str("    accessible on a condition\n");
                }
            }
        }
        for field in layout.phantom_fields().iter() {
            let _ = writeln!(block, "  ~ {}: {}", field.name(), self.name(field.layout()));
        }
        block
    }

    fn tell(&self, field: &TLField, block: &mut String) {
        let _ = writeln!(block, "  {}: {}", field.name(), self.name(field.layout()));
        for function in field.function_range() {
            let mut names = function.param_names.as_str().split(',').map(str::trim);
            let takes: Vec<_> = function
                .param_type_layouts
                .iter()
                .map(|layout| (names.next().unwrap_or_default(), self.name(layout())))
                .map(|(name, of)| if name.is_empty() { of.into() } else { format!("{name}: {of}") })
                .collect();
            let gives = function.return_type_layout().map_or("()", |layout| self.name(layout()));
            let unsafe_ = if function.fn_qualifs.is_unsafe() { "unsafe " } else { "" };
            let _ = writeln!(block, "    {unsafe_}fn({}) -> {gives}", takes.join(", "));
        }
    }
}

fn fields(layout: Layout) -> Vec<TLField> {
    let of = |fields: TLFields| fields.iter().collect();
    match layout.data() {
        TLData::Struct { fields } | TLData::Union { fields } => of(fields),
        TLData::Enum(data) => of(data.fields),
        TLData::PrefixType(data) => of(data.fields),
        TLData::Primitive(_) | TLData::Opaque => Vec::new(),
    }
}

fn one_line(told: &impl std::fmt::Display) -> String {
    told.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

fn plain_name(layout: Layout) -> String {
    let full = layout.full_type().to_string();
    format!("{}::{}", layout.package(), full.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn written() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/abi/layout").join(ABI_VERSION)
}

#[test]
fn a_layout_changes_with_its_version_alone() {
    let (path, now) = (written(), Dump::new().text());
    if std::env::var_os("RAIS_ABI_WRITE").is_some() {
        std::fs::write(&path, &now).unwrap();
    }
    let then = std::fs::read_to_string(&path).unwrap_or_default();
    let lines = then.lines().zip(now.lines());
    let first = lines.enumerate().find(|(_, (then, now))| then != now);
    assert!(
        then == now,
        "The layout of what crosses is not that of ABI {ABI_VERSION} any more (tests/abi/layout).\n\
         First difference: {first:#?}\n\
         - What is built against ABI {ABI_VERSION} must go on working: if you did not mean to change \
         the layout, take the change back.\n\
         - A field or method after the last of a prefix: raise the second number of the version in \
         sdk/abi/Cargo.toml. Anything else: the first number, and no library of today will load.\n\
         - Then write the new layout down and commit it:\n  \
         RAIS_ABI_WRITE=1 cargo test -p rais-abi --test layout\n\
         docs/reference/abi.md has the rules."
    );
}

/// The version that is in each type is what keeps types of different ABIs apart; and it must not be
/// that of a package that changes for other reasons.
#[test]
fn every_type_of_ours_has_the_version_of_the_boundary() {
    let dump = Dump::new();
    let ours: Vec<_> =
        dump.types.iter().filter(|s| s.layout.package().starts_with("rais")).collect();
    assert!(ours.len() > 20, "{}", ours.len());
    for step in ours {
        let (package, version) = step.layout.package_and_version();
        let name = dump.name(step.layout);
        assert_eq!(package.as_str(), "rais-abi", "{name}");
        assert_eq!(version.version.as_str(), format!("{ABI_VERSION}.0"), "{name}");
    }
}

#[test]
fn the_layout_can_be_checked() {
    check_layout_compatibility(ROOT, ROOT).unwrap();
}
