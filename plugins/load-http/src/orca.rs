//! Open Request Cost Aggregation: what Envoy and gRPC call load reports of a backend.

use rais_sdk::Fault;
use serde_json::Value;

use crate::gauge::{number, number_of};

/// Its value begins with the word for its form.
pub(crate) const HEADER: &str = "endpoint-load-metrics";

/// The first counts where it is told and not zero: the application knows better.
const USUAL: [&str; 2] = ["application_utilization", "cpu_utilization"];

/// Name and value of `metric`, or of the usual one.
pub(crate) fn read(header: &[u8], metric: Option<&str>) -> Result<(String, Option<f64>), Fault> {
    let report = Report::of(header)?;
    let missing = |name| Fault::unknown(format!("{HEADER} has no {name}"));
    if let Some(name) = metric {
        let value = report.metric(name).ok_or_else(|| missing(name))?;
        return Ok((name.to_owned(), value));
    }
    let [application, cpu] = USUAL.map(|name| report.metric(name).map(|value| (name, value)));
    let told = application.filter(|(_, value)| *value != Some(0.0));
    let (name, value) = told.or(cpu).or(application).ok_or_else(|| missing(USUAL[1]))?;
    Ok((name.to_owned(), value))
}

/// A header's value.
enum Report<'h> {
    /// `name=value, name:value`: Envoy takes either.
    Text(&'h str),
    Json(Value),
}

impl<'h> Report<'h> {
    fn of(header: &'h [u8]) -> Result<Self, Fault> {
        let fault = |text: String| Fault::unknown(format!("{HEADER}: {text}"));
        let text = std::str::from_utf8(header).map_err(|_| fault("no text".to_owned()))?.trim();
        match text.split_once(' ') {
            Some(("TEXT", metrics)) => Ok(Self::Text(metrics)),
            Some(("JSON", metrics)) => {
                let value = serde_json::from_str(metrics);
                value.map(Self::Json).map_err(|error| fault(format!("no JSON: {error}")))
            }
            _ => Err(fault("neither of the form TEXT nor JSON".to_owned())),
        }
    }

    /// `None`: not told. `Some(None)`: no number.
    fn metric(&self, name: &str) -> Option<Option<f64>> {
        match self {
            Self::Text(metrics) => {
                let mut pairs = metrics.split(',').filter_map(|pair| pair.split_once(['=', ':']));
                let (_, value) = pairs.find(|(key, _)| key.trim() == name)?;
                Some(number(value.as_bytes()))
            }
            Self::Json(value) => {
                // What stands behind the first dot is the server's own name, dots and all.
                let value = match name.split_once('.') {
                    None => field(value, name),
                    Some((map, name)) => field(value, map).and_then(|map| map.get(name)),
                };
                value.map(number_of)
            }
        }
    }
}

/// Protobuf's JSON has names in either way: `cpu_utilization` and `cpuUtilization`.
fn field<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    value.get(name).or_else(|| value.get(camel(name)))
}

fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let (first, others) = word.split_at(word.chars().next().map_or(0, char::len_utf8));
        camel.extend([&first.to_ascii_uppercase(), others]);
    }
    camel
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usual(header: &str) -> Result<(String, Option<f64>), String> {
        read(header.as_bytes(), None).map_err(|fault| fault.to_string())
    }

    #[test]
    fn the_applications_own_word_counts_before_the_cpu() {
        for (header, name, value) in [
            ("TEXT cpu_utilization=0.3,mem_utilization=0.8", "cpu_utilization", 0.3),
            (
                "TEXT cpu_utilization=0.3, application_utilization=1.2",
                "application_utilization",
                1.2,
            ),
            ("TEXT mem_utilization:0.8,cpu_utilization:0.3", "cpu_utilization", 0.3),
            ("TEXT application_utilization=0, cpu_utilization = 0.3", "cpu_utilization", 0.3),
            ("TEXT application_utilization=0", "application_utilization", 0.0),
            (r#"JSON {"cpu_utilization": 0.3}"#, "cpu_utilization", 0.3),
            (r#"JSON {"cpuUtilization": 0.3, "rpsFractional": 9}"#, "cpu_utilization", 0.3),
            (
                r#"JSON {"cpuUtilization": 0.3, "applicationUtilization": 0.4}"#,
                "application_utilization",
                0.4,
            ),
        ] {
            assert_eq!(usual(header), Ok((name.to_owned(), Some(value))), "{header}");
        }
    }

    #[test]
    fn another_metric_may_be_named() {
        fn of(header: &str, name: &str) -> Option<f64> {
            read(header.as_bytes(), Some(name)).unwrap().1
        }
        assert_eq!(of("TEXT named_metrics.queue=7,x=1", "named_metrics.queue"), Some(7.0));
        let json = r#"JSON {"memUtilization": 0.5, "namedMetrics": {"my_queue": 7}}"#;
        assert_eq!(of(json, "named_metrics.my_queue"), Some(7.0));
        assert_eq!(of(json, "mem_utilization"), Some(0.5));
        assert!(read(json.as_bytes(), Some("eps")).is_err());
        for map in ["named_metrics", "utilization", "request_cost"] {
            let name = format!("{map}.a.b");
            let text = format!("TEXT {map}.a.b: 7, {map}.a=1");
            assert_eq!(of(&text, &name), Some(7.0));
            let json = format!(r#"JSON {{"{map}": {{"a.b": 7, "a": {{"b": 1}}}}}}"#);
            assert_eq!(of(&json, &name), Some(7.0));
        }
        let json = r#"JSON {"requestCost": {"dbQueries": 3}}"#;
        assert_eq!(of(json, "request_cost.dbQueries"), Some(3.0));
    }

    #[test]
    fn what_is_no_report_is_told() {
        for (header, says) in [
            ("TEXT mem_utilization=0.8", "endpoint-load-metrics has no cpu_utilization"),
            ("BIN CAE=", "neither of the form TEXT nor JSON"),
            ("cpu_utilization=0.3", "neither of the form TEXT nor JSON"),
            ("JSON {", "no JSON: "),
        ] {
            let text = usual(header).unwrap_err();
            assert!(text.contains(says), "{header}: {text}");
        }
        assert_eq!(usual("TEXT cpu_utilization=much"), Ok(("cpu_utilization".to_owned(), None)));
    }
}
