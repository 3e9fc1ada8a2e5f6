//! docs/explanation/balance.md has a row for each of the model's scenarios, as the tables print it.

use rais_simulator::catalogue::{self, Named, eleven};
use rais_simulator::tables::{BEYOND, Table, shapes};

const PAGE: &str = include_str!("../../../../docs/explanation/balance.md");

#[test]
fn the_page_has_each_scenario_under_the_name_that_the_model_has_for_it() {
    let beyond = BEYOND.map(|name| catalogue::named(name).unwrap());
    let by_name = |named: Named| format!("\n| {}: {} |", named.name, named.about);
    let pairs = catalogue::pairs().into_iter().map(|named| format!("\n| {} |", named.about));
    let shapes = shapes().into_iter().map(|(shape, _)| format!("\n| {shape}, 80 |"));
    for row in eleven().into_iter().chain(beyond).map(by_name).chain(pairs).chain(shapes) {
        assert_eq!(PAGE.matches(&row).count(), 1, "{row}");
    }
}

#[test]
fn the_page_names_each_table() {
    let how = PAGE.split("## To make these figures").nth(1).unwrap();
    for table in Table::ALL {
        assert!(how.contains(&format!("{table:?}").to_lowercase()), "{table:?}");
    }
}
