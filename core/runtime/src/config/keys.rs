//! Every key there is, table by table.

/// A table's name and its keys; `*` stands for a name that the user gives.
pub(super) struct Keys {
    pub(super) table: &'static str,
    /// What people call it.
    pub(super) shown: &'static str,
    pub(super) keys: &'static [&'static str],
}

/// The tables whose keys are all the core's. Plugin tables are not among them: what the core does
/// not take of those is for the plugin to judge.
pub(super) const KEYS: &[Keys] = &[
    Keys {
        table: "",
        shown: "the file",
        keys: &[
            "host",
            "cluster",
            "transport",
            "plugins",
            "monitor",
            "zone",
            "binder",
            "sink",
            "control",
        ],
    },
    Keys { table: "host", shown: "[host]", keys: &["name", "state", "user", "group"] },
    Keys {
        table: "cluster",
        shown: "[cluster]",
        keys: &["name", "keys", "insecure", "accept", "max_skew"],
    },
    Keys { table: "plugins", shown: "[plugins]", keys: &["dirs", "prefer"] },
    Keys {
        table: "plugins.*",
        shown: "[plugins.NAME]",
        keys: &["isolation", "timeout", "restart", "on_startup_error", "memory", "open_files"],
    },
    Keys {
        table: "monitor",
        shown: "[monitor]",
        keys: &[
            "sample",
            "capacity",
            "advertise",
            "exclude",
            "agent",
            "concurrency",
            "http",
            "log",
            "service",
        ],
    },
    Keys {
        table: "monitor.service.*",
        shown: "[monitor.service.NAME]",
        keys: &[
            "interval",
            "timeout",
            "fast_interval",
            "rise",
            "fall",
            "flapping",
            "jitter",
            "expire",
            "probe",
            "load",
            "capacity",
            "weight",
            "addresses",
            "targets",
        ],
    },
    Keys {
        table: "monitor.service.*.targets",
        shown: "a target",
        keys: &["address", "name", "weight"],
    },
    Keys { table: "probe", shown: "a combination of probes", keys: &["all", "any", "of", "in"] },
    Keys { table: "load", shown: "a combination of loads", keys: &["max", "mean"] },
    Keys {
        table: "zone.*",
        shown: "[zone.\"NAME\"]",
        keys: &["header", "file", "ttl", "scheme", "max_addresses", "sinks"],
    },
    Keys { table: "zone.*.max_addresses", shown: "`max_addresses`", keys: &["a", "aaaa"] },
    Keys {
        table: "binder",
        shown: "[binder]",
        keys: &["gap", "ns", "mailbox", "http", "log", "service"],
    },
    Keys {
        table: "binder.service.*",
        shown: "[binder.service.NAME]",
        keys: &[
            "zone",
            "owner",
            "react",
            "interval",
            "max_load",
            "min_servers",
            "balance",
            "return_load",
            "weights",
            "panic",
            "when_none",
            "hold",
            "max_servers",
            "slow_start",
            "tiers",
            "allow",
            "watch",
            "scheme",
            "ttl",
        ],
    },
    Keys {
        table: "binder.service.*.weights",
        shown: "`weights`",
        keys: &["smoothing", "trim_time", "trim_bound", "quick"],
    },
    Keys { table: "control", shown: "[control]", keys: &["socket", "http", "log", "log_format"] },
];

/// What the core takes out of a plugin's table before the plugin sees the rest.
pub(super) const TAKEN_OF_CALL: &[&str] = &["type", "port", "address", "timeout", "every"];
/// The same of `[sink.NAME]`.
pub(super) const TAKEN_OF_SINK: &[&str] = &["type", "retry", "verify_interval"];
/// The same of `[transport.NAME]`.
pub(super) const TAKEN_OF_TRANSPORT: &[&str] = &["type"];

/// The keys of a table; none are known of one that is not listed.
pub(super) fn of(table: &str) -> &'static [&'static str] {
    KEYS.iter().find(|keys| keys.table == table).map_or(&[], |keys| keys.keys)
}

/// What people call a table.
pub(super) fn shown(table: &str) -> &'static str {
    KEYS.iter().find(|keys| keys.table == table).map_or("this table", |keys| keys.shown)
}

/// Another table that has a key of this name.
pub(super) fn elsewhere(key: &str) -> Option<&'static str> {
    KEYS.iter().find(|keys| keys.keys.contains(&key)).map(|keys| keys.shown)
}
