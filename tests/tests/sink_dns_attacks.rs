//! The sink `dns` in a running rais, attacked: it lives, others are answered and answered right, and the log
//! tells of none of it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use rais_tests::attack::{Attack, Strength, Target, Way};
use rais_tests::count;

#[test]
fn whoever_attacks_it_others_are_answered_and_the_log_says_nothing() {
    let mut target = Target::start(1000);
    let strength = Strength { packets: count(10_000, 100_000), clients: 300, answers: 200 };
    let lines = target.log_lines();
    assert!(lines > 0, "it has said that it started");
    for attack in Attack::ALL {
        let attacked = target.attack(attack, strength, || {});
        let asked = attacked.asked;
        assert_eq!(asked.wrong, [""; 0], "{attack:?}");
        // A flood may cost a datagram, and nobody a connection.
        for way in [Way::NewConnection, Way::OldConnection] {
            assert_eq!(asked.lost[way as usize], [""; 0], "{attack:?}, {way:?}");
        }
        assert!(target.rais.is_running(), "{attack:?}");
    }
    assert_eq!(target.log_lines(), lines, "{}", target.rais.stderr());
}
