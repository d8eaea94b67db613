//! The statistics in Prometheus' text form, version 0.0.4, for `GET /metrics`.
//!
//! The figures, their names here and what is said of them are rows of the engine's tables: those of the
//! JSON and more, as the JSON is a closed schema and this page is not. `docs/metrics.md` lists them.

use std::fmt::{self, Write};

use nutcracker_engine::stats::{
    FaultFigure, HealthFigure, Kind, LimitFigure, Metric, PoolFigure, PoolStats, ProcessFigure,
    ServerFigure,
};

use super::report::StatsSource;
use crate::sys;

/// What HTTP calls the form.
pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// All figures now. Linear in pools, servers and workers.
pub(super) fn write(source: &StatsSource) -> String {
    let mut page = Page { out: String::new() };
    // A `String` takes anything.
    let _ = page.write(source);
    page.out
}

struct Page {
    out: String,
}

impl Page {
    fn write(&mut self, source: &StatsSource) -> fmt::Result {
        for &figure in ProcessFigure::ALL {
            self.process(source, figure)?;
        }
        for &figure in PoolFigure::ALL {
            self.pools(source, &figure.metric(), |pool| pool.at(figure).get())?;
        }
        for &figure in FaultFigure::ALL {
            self.pools(source, &figure.metric(), |pool| pool.fault(figure).get())?;
        }
        for &figure in LimitFigure::ALL {
            self.pools(source, &figure.metric(), |pool| pool.limit(figure).get())?;
        }
        for &figure in ServerFigure::ALL {
            self.servers(source, figure)?;
        }
        for &figure in HealthFigure::ALL {
            self.health(source, figure)?;
        }
        Ok(())
    }

    fn head(&mut self, metric: &Metric) -> fmt::Result {
        let Metric { name, help, .. } = metric;
        writeln!(self.out, "# HELP {name} {help}\n# TYPE {name} {}", metric.kind_name())
    }

    fn process(&mut self, source: &StatsSource, figure: ProcessFigure) -> fmt::Result {
        let value = match figure {
            ProcessFigure::Build => 1,
            ProcessFigure::Uptime => source.uptime() as i64,
            ProcessFigure::Memory => sys::heap_bytes() as i64,
            ProcessFigure::MemoryMax => match source.memory_max() {
                Some(max) => max as i64,
                None => return Ok(()),
            },
            ProcessFigure::TotalConnections => source.connections().0,
            ProcessFigure::CurrConnections => source.connections().1,
        };
        let metric = figure.metric();
        self.head(&metric)?;
        self.out.push_str(&metric.name);
        if figure == ProcessFigure::Build {
            write!(self.out, "{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"))?;
        }
        writeln!(self.out, " {value}")
    }

    fn pools(
        &mut self,
        source: &StatsSource,
        metric: &Metric,
        of: impl Fn(&PoolStats) -> i64,
    ) -> fmt::Result {
        self.head(metric)?;
        for (at, pool) in source.pools().iter().enumerate() {
            let (pool, value) = (Label(&pool.name), source.value(metric.kind, at, &of));
            writeln!(self.out, "{}{{pool=\"{pool}\"}} {value}", metric.name)?;
        }
        Ok(())
    }

    fn servers(&mut self, source: &StatsSource, figure: ServerFigure) -> fmt::Result {
        let metric = figure.metric();
        self.head(&metric)?;
        let Metric { name, kind, .. } = metric;
        for (at, pool) in source.pools().iter().enumerate() {
            for (server, server_name) in pool.servers.iter().enumerate() {
                let value = source.value(kind, at, |stats| stats.servers[server].at(figure).get());
                let (pool, server) = (Label(&pool.name), Label(server_name));
                write!(self.out, "{name}{{pool=\"{pool}\",server=\"{server}\"}} ")?;
                match kind {
                    Kind::Timestamp => {
                        writeln!(self.out, "{}.{:06}", value / 1_000_000, value % 1_000_000)?;
                    }
                    Kind::Counter | Kind::Gauge => writeln!(self.out, "{value}")?,
                }
            }
        }
        Ok(())
    }

    fn health(&mut self, source: &StatsSource, figure: HealthFigure) -> fmt::Result {
        let metric = figure.metric();
        self.head(&metric)?;
        let HealthFigure::Live = figure;
        for (at, pool) in source.pools().iter().enumerate() {
            for (server, is_live) in pool.servers.iter().zip(source.live(at)) {
                let (pool, server) = (Label(&pool.name), Label(server));
                let (name, value) = (&metric.name, u8::from(is_live));
                writeln!(self.out, "{name}{{pool=\"{pool}\",server=\"{server}\"}} {value}")?;
            }
        }
        Ok(())
    }
}

/// A label's value, escaped.
struct Label<'a>(&'a str);

impl fmt::Display for Label<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '\\' => f.write_str(r"\\")?,
                '"' => f.write_str("\\\"")?,
                '\n' => f.write_str("\\n")?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::path::Path;
    use std::sync::Arc;
    use std::time::Instant;

    use nutcracker_engine::stats::Stats;

    use super::super::report::PoolNames;
    use super::*;

    fn source(workers: &[Arc<Stats>]) -> StatsSource {
        let pools =
            vec![PoolNames { name: "al\"pha".into(), servers: vec!["one".into(), "b\\c".into()] }];
        StatsSource::new("vm".into(), Instant::now(), 1 << 30, pools, workers.into())
    }

    #[test]
    fn every_figure_is_there_once_with_its_type_and_summed_over_the_workers() {
        let workers = [Arc::new(Stats::new([2])), Arc::new(Stats::new([2]))];
        for worker in &workers {
            worker.pools[0].at(PoolFigure::ClientEof).add(3);
            worker.pools[0].limit(LimitFigure::ServerQueueFull).add(2);
            worker.pools[0].servers[1].at(ServerFigure::Requests).add(40);
        }
        workers[1].pools[0].servers[0].at(ServerFigure::ServerEjectedAt).set(1_795_243_329_000_001);
        let page = write(&source(&workers));
        for line in [
            "# TYPE nutcracker_client_eof_total counter",
            "nutcracker_client_eof_total{pool=\"al\\\"pha\"} 6",
            "# TYPE nutcracker_client_connections gauge",
            "nutcracker_server_queue_full_total{pool=\"al\\\"pha\"} 4",
            "nutcracker_server_requests_total{pool=\"al\\\"pha\",server=\"b\\\\c\"} 80",
            "nutcracker_server_ejected_timestamp_seconds{pool=\"al\\\"pha\",server=\"one\"} 1795243329.000001",
            "nutcracker_memory_max_bytes 1073741824",
        ] {
            assert!(page.lines().any(|other| other == line), "{line} is not in\n{page}");
        }
        let types: Vec<_> = page.lines().filter(|line| line.starts_with("# TYPE")).collect();
        let figures = ProcessFigure::ALL.len()
            + PoolFigure::ALL.len()
            + LimitFigure::ALL.len()
            + FaultFigure::ALL.len()
            + ServerFigure::ALL.len()
            + HealthFigure::ALL.len();
        assert_eq!(types.len(), figures);
        assert_eq!(
            types.iter().collect::<BTreeSet<_>>().len(),
            types.len(),
            "no name is there twice"
        );
    }

    #[test]
    fn every_line_is_a_comment_or_a_sample() {
        let page = write(&source(&[Arc::new(Stats::new([2]))]));
        for line in page.lines().filter(|line| !line.starts_with("# ")) {
            let (name, value) = line.rsplit_once(' ').expect("a name and a value");
            assert!(name.starts_with("nutcracker_"), "{line}");
            assert!(value.parse::<f64>().is_ok(), "{line}");
        }
    }

    /// What the page of the docs says of a figure, and what is really told: its type, the names of its
    /// labels, and what it means.
    type Said = (String, Vec<String>, String);

    fn told(page: &str) -> BTreeMap<String, Said> {
        let mut told = BTreeMap::new();
        let mut lines = page.lines();
        while let Some(help) = lines.next() {
            let Some(help) = help.strip_prefix("# HELP ") else { continue };
            let (name, help) = help.split_once(' ').expect("a name and a text");
            let kind = lines.next().and_then(|line| line.rsplit_once(' ')).expect("a type").1;
            let sample = lines.next().and_then(|line| line.strip_prefix(name)).expect("a sample");
            let labels = sample
                .split("=\"")
                .map(|part| part.rsplit(['{', ',']).next().unwrap_or_default().to_owned());
            let mut labels: Vec<String> = labels.collect();
            labels.pop();
            told.insert(name.to_owned(), (kind.to_owned(), labels, help.to_owned()));
        }
        told
    }

    fn docs(page: &str) -> String {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(page);
        std::fs::read_to_string(path).expect(page)
    }

    #[test]
    fn the_page_of_the_docs_has_every_figure_as_it_is_told_and_no_other() {
        let told = told(&write(&source(&[Arc::new(Stats::new([2]))])));
        let mut listed = BTreeMap::new();
        for row in docs("metrics.md").lines().filter_map(|it| it.strip_prefix("| `nutcracker_")) {
            let cells: Vec<&str> = row.trim_end_matches(" |").split(" | ").collect();
            let [name, kind, labels, _, help] = cells[..] else { continue };
            let labels = labels.split(',').map(|label| label.trim().replace('`', ""));
            let labels = labels.filter(|label| !label.is_empty()).collect();
            let said = (kind.to_owned(), labels, help.replace('`', ""));
            listed.insert(format!("nutcracker_{}", name.trim_end_matches('`')), said);
        }
        assert_eq!(listed, told, "the docs' (left) and what is told (right)");
    }

    #[test]
    fn every_name_on_a_page_of_the_docs_is_told() {
        let told = told(&write(&source(&[Arc::new(Stats::new([2]))])));
        let is_name = |c: char| c.is_ascii_lowercase() || c == '_';
        for page in ["metrics.md", "options.md", "switching.md"] {
            let text = docs(page);
            let names = text.match_indices("nutcracker_").map(|(at, _)| &text[at..]);
            let names = names.filter_map(|rest| rest.split(|c| !is_name(c)).next());
            let mut names = names.filter(|name| *name != "nutcracker_").peekable();
            assert!(names.peek().is_some(), "{page} names none");
            for name in names {
                assert!(told.contains_key(name), "{page}: there is no {name}");
            }
        }
    }
}
