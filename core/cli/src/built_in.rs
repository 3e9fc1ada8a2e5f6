//! The built-in plugins. A crate that nothing names is not linked, and its plugins are then in no
//! list.

extern crate rais_plugin_load_agent as _;
extern crate rais_plugin_load_average as _;
extern crate rais_plugin_load_cpu as _;
extern crate rais_plugin_load_exec as _;
extern crate rais_plugin_load_http as _;
extern crate rais_plugin_load_memory as _;
extern crate rais_plugin_load_pressure as _;
extern crate rais_plugin_load_response_time as _;
extern crate rais_plugin_probe_exec as _;
extern crate rais_plugin_probe_http as _;
extern crate rais_plugin_probe_tcp as _;
extern crate rais_plugin_probe_udp as _;
extern crate rais_plugin_sink_bind as _;
extern crate rais_plugin_sink_dns as _;
extern crate rais_plugin_sink_hook as _;
extern crate rais_plugin_sink_nsupdate as _;
extern crate rais_plugin_transport_udp as _;

#[cfg(test)]
mod tests {
    use rais_runtime::config::Kind;
    use rais_runtime::host::Registry;

    #[test]
    fn every_built_in_is_linked() {
        let registry = Registry::built_in().unwrap();
        let plugins: Vec<(Kind, &str)> =
            registry.iter().map(|plugin| (plugin.kind(), plugin.name())).collect();
        let wanted = [
            (Kind::Probe, "exec"),
            (Kind::Probe, "http"),
            (Kind::Probe, "tcp"),
            (Kind::Probe, "udp"),
            (Kind::Load, "agent"),
            (Kind::Load, "average"),
            (Kind::Load, "cpu"),
            (Kind::Load, "exec"),
            (Kind::Load, "http"),
            (Kind::Load, "memory"),
            (Kind::Load, "pressure"),
            (Kind::Load, "response-time"),
            (Kind::Sink, "bind"),
            (Kind::Sink, "dns"),
            (Kind::Sink, "hook"),
            (Kind::Sink, "nsupdate"),
            (Kind::Transport, "udp"),
        ];
        assert_eq!(plugins, wanted);
    }
}
