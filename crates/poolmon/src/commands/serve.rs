//! `poolmon serve`: a page, an API and metrics.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use poolmon_model::{PoolView, shell};
use poolmon_owner::Versions;
use poolmon_record::{RecordEvent, Stop, Watched};
use poolmon_serve::{Feed, Live, Saved, ServeConfig, ServeEvent, Server, Tokens, WebConfig};
use poolmon_source::Source;
use poolmon_store::RecorderConfig;

use crate::app::outcome::Outcome;
use crate::app::owners::{self, KnownOwners};
use crate::app::say::{note, warning};
use crate::app::status_line::StatusLine;
use crate::app::{analyse, simulated};
use crate::cli::serve::ServeArgs;
use crate::input;

/// Serves until it is stopped.
pub fn run(args: &ServeArgs) -> anyhow::Result<Outcome> {
    let mut config = ServeConfig {
        hosts: args.host.clone(),
        tokens: args.token_file.as_deref().map(Tokens::read).transpose()?,
        web: args.web.as_deref().map(WebConfig::read).transpose()?,
        top: args.top,
        max_series: args.max_series,
        ..ServeConfig::default()
    };
    if !args.listen.is_empty() {
        config.listen.clone_from(&args.listen);
    }
    let mut owners = owners::load_files(args.pooltag.file(), args.localtag.file())?;
    let stop = Stop::on_signals()?;
    let mut line = StatusLine::new();
    let mut recording = None;
    let feed = match args.from.as_slice() {
        [] => {
            let mut source = input::live(PoolView::All)?;
            owners.owners = owners.owners.with_versions(Versions::here());
            if let Some(folder) = &args.record {
                let origin = Arc::clone(source.origin());
                let recorder = RecorderConfig { interval: args.interval, ..RecorderConfig::default() };
                let (watched, ongoing, report) = Watched::new(source, folder, recorder)?;
                let interval = args.interval;
                line.tell(&RecordEvent::Started { folder, origin: &origin, interval, report: &report });
                let watched = watched.telling(|text| warning!("{text}"));
                (source, recording) = (Box::new(watched) as Box<dyn Source>, Some(ongoing));
            }
            Feed::Live(Live { source, interval: args.interval, recording: args.record.clone() })
        }
        [demo] if demo == Path::new("demo") && !demo.exists() => {
            let (source, file) = simulated::source();
            owners = owners.with(file);
            Feed::Live(Live { source: Box::new(source), interval: Duration::from_secs(1), recording: None })
        }
        files => {
            let words = files.iter().map(|file| shell::path(file));
            config.argument = words.collect::<Vec<_>>().join(" ");
            saved(args, &owners)?
        }
    };
    let server = Server::new(feed, Arc::new(owners.owners), config)?;
    let mut tell = |event: &ServeEvent| match event {
        ServeEvent::Listens { address, tls } => {
            note!("http{}://{address}/ (Ctrl-C stops)", if *tls { "s" } else { "" });
        }
        ServeEvent::Warning(text) => warning!("{text}"),
        _ => {}
    };
    server.run(&stop, &mut tell)?;
    let is_whole = recording.map_or(Ok(true), |recording| recording.close(&mut |event| line.tell(event)))?;
    stop.done();
    Ok(Outcome::done_if(is_whole))
}

fn saved(args: &ServeArgs, owners: &KnownOwners) -> anyhow::Result<Feed> {
    let (judged, marks) = analyse::whole(&args.from, owners)?;
    let series = input::series(&args.from, poolmon_read::ReadOptions::default())?;
    let marks = marks.iter().filter_map(poolmon_read::mark).collect();
    Ok(Feed::Saved(Box::new(Saved { judged, series, marks })))
}
