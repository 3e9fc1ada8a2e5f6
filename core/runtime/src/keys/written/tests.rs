use super::*;

const SECRET: &str = "secret = \"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\"\n";

fn told(text: &str) -> String {
    parse(text).err().unwrap_or_else(|| panic!("{text} is taken"))
}

#[test]
fn what_is_wrong_is_told_with_its_line_and_what_was_meant() {
    for (field, says) in [
        ("host = [\"web1\"]", "line 3: unknown field `host`; did you mean `hosts`?"),
        ("expires = 1", "line 3: unknown field `expires`; a key file has name, use, follows"),
        ("hosts = \"web1\"", "line 3: `hosts` must be a list of strings, not a string"),
        (
            "hosts = [\n\"web1\",\n2]",
            "line 5: `hosts` must be a list of strings, and one is a numb",
        ),
        ("hosts = [\"web 1\"]", "line 3: `hosts`: a host name is made of"),
        ("services = [\"w/w\"]", "line 3: `services`: \"w/w\": a service name is made of"),
        ("name = true", "line 3: `name` must be a string, not true or false"),
        ("follows = \"0\"", "line 3: `follows` must be the id of a key, like f6c35988, not \"0\""),
        (
            "addresses = [\n\"192.0.2.1\",\n\"192.0.2.300/32\"]",
            "line 5: `addresses`: \"192.0.2.300/32\" is neither an address nor a range like",
        ),
        ("use = \"sign\"", "line 3: a field that stands there twice"),
        ("hosts = [web1]", "line 3: not TOML"),
        ("[more]", "line 3: unknown field `more`"),
    ] {
        let told = told(&format!("use = \"sign\"\n{SECRET}{field}\n"));
        assert!(told.starts_with(says), "{field}: {told}");
    }
    let misspelt = told(&format!("use = \"sing\"\n{SECRET}"));
    assert_eq!(misspelt, "line 1: `use` must be \"sign\" or \"accept\", not \"sing\"");
    assert_eq!(told(SECRET), "no `use` in it: \"sign\" or \"accept\"");
    assert_eq!(told("use = \"sign\"\n"), "no `secret` in it: 32 octets in base64");
    let short = told("use = \"sign\"\nsecret = \"AAEC\"\n");
    assert_eq!(short, "line 2: `secret` must be 32 octets in base64");
}

#[test]
fn what_may_be_a_secret_is_not_shown() {
    let secret = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
    for field in [
        format!("{secret} = 1"),
        format!("\"{secret}=\" = 1"),
        format!("addresses = [\"{secret}=\"]"),
        format!("hosts = [\"{secret}=\"]"),
        format!("follows = \"{secret}=\""),
        format!("name = {secret}="),
        format!("\"secret:{secret}=\" = 1"),
        format!("\"{}\" = 1", &secret[..16]),
        format!("addresses = [\"192.0.2.1:{}\"]", &secret[..12]),
        format!("hosts = [\"secret:{secret}=\"]"),
        format!("services = [\"{}:\"]", &secret[..16]),
        format!("follows = \"{}\"", &secret[..16]),
        format!("follows = \"{}\"", "AAEC:".repeat(11)),
    ] {
        let told = told(&format!("use = \"sign\"\n{SECRET}{field}\n"));
        assert!(told.starts_with("line 3: ") && !told.contains("AAEC"), "{told}");
    }
}

/// The page that describes a key's file has each of its fields, and no other.
#[test]
fn each_field_is_on_the_page() {
    let page = include_str!("../../../../../docs/reference/key-file.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let mut shown: Vec<&str> = rows.collect();
    let mut known = FIELDS;
    shown.sort_unstable();
    known.sort_unstable();
    assert_eq!(shown, known);
    let sample = page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let written = parse(sample).unwrap_or_else(|why| panic!("{why}"));
    assert_eq!(written.follows.map(|id| id.get_ref().to_string()).as_deref(), Some("f6c35988"));
}
