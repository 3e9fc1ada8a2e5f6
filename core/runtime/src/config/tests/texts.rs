//! What a fault says beside its place.

use super::{SOUND, faulty, sound};

#[test]
fn what_is_wrong_with_the_binder_has_no_second_fault_at_its_zones() {
    for (sound, wrong) in
        [("ns = [\"ns1.example\"]", "ns = \"ns1.example\""), ("mailbox =", "mailbx =")]
    {
        let faults = faulty(&SOUND.replace(sound, wrong));
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults[0].key().starts_with("binder."), "{faults:?}");
    }
    let faults = faulty(&SOUND.replace("ns = [\"ns1.example\"]\n", ""));
    assert!(faults[0].message().contains("none can be made"), "{faults:?}");
}

#[test]
fn a_command_line_is_shown_as_the_list_that_it_is_to_be() {
    let text = SOUND.replace(
        "type = \"bind\"\n",
        "type = \"bind\"\ncheck = \"named-checkzone {zone} {file}\"\n",
    );
    let table = sound(&text).sinks["bind"].table.clone();
    let fault = table.fault("check", "invalid type: string \"…\", expected a sequence");
    assert_eq!(fault.suggestion(), Some("`[\"named-checkzone\", \"{zone}\", \"{file}\"]`"));
    assert!(fault.to_string().contains("a list of words"), "{fault}");
    let fault =
        table.fault("reload.key", "unknown field `key`, expected one of `type`, `key_file`");
    assert_eq!(fault.suggestion(), Some("`key_file`"));
}

#[test]
fn a_zone_without_quotes_is_shown_with_them() {
    let text = SOUND.replace("[zone.\"www.example\"]", "[zone.www.example]");
    let faults = faulty(&text);
    assert_eq!(faults.len(), 1, "{faults:?}");
    let place = faults[0].place().unwrap();
    assert_eq!((place.line(), place.column()), (11, 7));
    assert!(faults[0].message().contains("write [zone.\"www.example\"]"), "{faults:?}");
}
