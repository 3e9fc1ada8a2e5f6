//! Wall clocks step in mid-run; nothing that matters looks at them.

use crate::model::Server;
use crate::scene::{HOUR, MINUTE, SECOND, addresses, settled_at};
use crate::scene::{INTERVAL, millis};

#[test]
fn a_host_whose_wall_clock_steps_stays() {
    for by in [HOUR, -HOUR] {
        let mut site = settled_at(1, 3, 1, INTERVAL);
        let published = site.binders[0].published.len();
        site.step_wall_of_host(1, by);
        site.run_for(10 * MINUTE);
        site.step_wall_of_host(1, -2 * by);
        site.run_for(10 * MINUTE);
        assert_eq!(site.binders[0].answers("http"), addresses(0..3), "{by}");
        assert_eq!(site.binders[0].published.len(), published, "{by}");
        assert!(site.binders[0].alarms(site.now).is_empty());
        // And it is still listened to.
        site.set_server(1, "http", Server::Killed);
        site.run_for(SECOND);
        assert_eq!(site.binders[0].answers("http"), addresses([0, 2]), "{by}");
    }
}

#[test]
fn a_binder_whose_wall_clock_steps_judges_as_before_and_its_serials_rise() {
    for by in [HOUR, -HOUR] {
        let mut site = settled_at(2, 3, 2, INTERVAL);
        let published = site.binders[0].published.len();
        for step in [by, -2 * by] {
            site.step_wall_of_binder(0, step);
            site.run_for(MINUTE);
            assert_eq!(site.binders[0].answers("http"), addresses(0..3), "{by}");
        }
        assert_eq!(site.binders[0].published.len(), published, "{by}");
        for server in [Server::Killed, Server::Up, Server::Hung, Server::Up] {
            site.step_wall_of_binder(0, by);
            site.set_server(1, "http", server);
            site.run_for(2 * SECOND);
            let [one, other] = [0, 1].map(|binder| site.binders[binder].answers("http"));
            assert_eq!(one, other, "{by}");
        }
        assert_eq!(site.binders[0].published.len(), published + 4, "{by}");
        assert!(site.binders[0].serials_rise(), "{by}");
        let times = |binder: usize| site.binders[binder].published.iter().map(|(at, _)| *at);
        assert!(times(0).eq(times(1)), "{by}: the other binder was no quicker");
        let last = site.binders[0].published.last().unwrap().0;
        assert!(site.now.since(last) < 2 * SECOND + millis(1));
    }
}
