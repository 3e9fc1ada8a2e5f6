//! The table of goals, and the worst of the eleven scenarios.

use rais_simulator::catalogue::{self, eleven};
use rais_simulator::contender::Contender::{RoundRobin, Split, Weights};
use rais_simulator::report::{HELD_OUT, summarize};

use super::{PERCENT, at_least, at_most, is_long, means, over_seeds};

#[test]
fn unequal_servers_at_75_percent() {
    let scenario = catalogue::steady(0.75);
    let [ours, split] = [Weights, Split].map(|who| means(&scenario, who));
    at_most("imbalance", ours.imbalance, 1.20);
    at_most("lasting imbalance", ours.lasting_imbalance, 1.03);
    at_most("p99 over split's", ours.p99_ms / split.p99_ms, 1.15);
    at_most("dropped", ours.dropped, 0.01 * PERCENT);
    at_most("set changes", ours.set_changes, 0.0);
}

#[test]
fn unequal_servers_at_85_percent() {
    let scenario = catalogue::steady(0.85);
    let [ours, split] = [Weights, Split].map(|who| means(&scenario, who));
    at_most("imbalance", ours.imbalance, 1.20);
    at_most("p99 over split's", ours.p99_ms / split.p99_ms, 3.0);
    at_most("dropped", ours.dropped, 0.05 * PERCENT);
}

/// The model's own floor and ceiling: if these move, the model is another.
#[test]
fn the_model_is_the_one_that_the_goals_are_of() {
    let scenario = catalogue::steady(0.75);
    let [split, robin] = [Split, RoundRobin].map(|who| means(&scenario, who));
    at_most("split's imbalance", (split.imbalance - 1.07).abs(), 0.01);
    at_most("round robin's imbalance", (robin.imbalance - 2.70).abs(), 0.10);
    at_most("round robin's p99 over split's", (robin.p99_ms / split.p99_ms - 10.6).abs(), 0.3);
    at_most("round robin's drops", (robin.dropped - 0.12).abs(), 0.015);
}

#[test]
fn servers_that_all_say_they_can_do_the_same() {
    let ours = means(&catalogue::told_alike(), Weights);
    at_most("imbalance", ours.imbalance, 1.22);
    at_most("dropped", ours.dropped, 0.01 * PERCENT);
}

#[test]
fn hosts_that_others_use_too() {
    let scenario = catalogue::background();
    let [ours, split] = [Weights, Split].map(|who| means(&scenario, who));
    at_most("dropped", ours.dropped, 0.05 * PERCENT);
    at_least("split's drops, which knows of capacity alone", split.dropped, 0.5 * PERCENT);
}

#[test]
fn sessions_of_one_request() {
    let ours = means(&catalogue::one_request(), Weights);
    at_most("imbalance", ours.imbalance, 1.45);
    at_most("dropped", ours.dropped, 0.25 * PERCENT);
}

#[test]
fn resolvers_that_keep_every_answer_for_five_minutes() {
    at_most("swing", means(&catalogue::stubborn(), Weights).swing, 0.2);
}

#[test]
fn servers_that_die_and_return_cold() {
    let ours = over_seeds(&catalogue::cold_return(), Weights);
    at_most("peak over mean", ours.mean.peak_of_returned, 1.3);
    at_least("peak over mean, where any returned", ours.mean.peak_of_returned, 0.9);
    at_most("dropped", ours.mean.dropped, 0.05 * PERCENT);
    at_most("requests that found no server", ours.worst.nobody, 0.0);
    // Twelve times another set in the hour, and no other time.
    at_most("set changes", ours.worst.set_changes, 12.0);
    at_least("set changes", ours.worst.set_changes, 12.0);
}

#[test]
fn a_flash_crowd() {
    let ours = means(&catalogue::flash(), Weights);
    at_most("dropped", ours.dropped, 0.05 * PERCENT);
}

#[test]
fn the_worst_of_eleven_scenarios() {
    for named in eleven() {
        let most = 0.5 * PERCENT;
        match named.name {
            // Much hangs on whether the largest resolver keeps an order, too: one in five does.
            "stubborn" if !is_long() => {
                at_most(
                    named.name,
                    summarize(&named.scenario, Weights, HELD_OUT).mean.dropped,
                    most,
                );
            }
            "slow-window" | "lost-beats" | "three" | "stubborn" => {
                at_most(named.name, means(&named.scenario, Weights).dropped, most);
            }
            // They have tests of their own, with goals that are as strict or stricter.
            _ if !is_long() => {}
            _ => at_most(named.name, means(&named.scenario, Weights).dropped, most),
        }
    }
}
