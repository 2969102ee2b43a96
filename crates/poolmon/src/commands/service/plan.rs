//! What the service is: the folder, the arguments with which it calls this program again, and what is done then.

use std::path::Path;

use anyhow::{Context as _, ensure};
use poolmon_model::problem::Problem;
use poolmon_service::{Installation, ServiceError};

use crate::cli::service::InstallArgs;

/// What is installed. Refuses what would fail each time that the service starts.
pub fn of(args: &InstallArgs) -> anyhow::Result<Installation> {
    // A service starts elsewhere.
    let folder = poolmon_service::place(&args.folder)
        .with_context(|| format!("cannot find {}", args.folder.display()))?;
    ensure!(
        !folder.exists() || folder.is_dir(),
        Problem::new(format!("{}: is a file", folder.display()), "name a folder for the recording")
    );
    ensure!(
        poolmon_store::is_free(&folder),
        Problem::new(
            format!(
                "{}: holds other files and no recording; the service could write to all of them",
                folder.display()
            ),
            "name a folder for the recording alone: poolmon service install /var/lib/poolmon"
        )
    );
    let arguments = arguments(args, &folder);
    Ok(Installation { arguments, start: !args.no_start, copy: args.copy, folder })
}

/// Records until the service manager of Windows stops it.
#[cfg(windows)]
pub fn run(args: &InstallArgs) -> Result<(), ServiceError> {
    let args = args.clone();
    poolmon_service::run(Box::new(move |stop, tell| {
        let mut plan = poolmon_record::Plan::new(&args.folder);
        plan.config = args.what.config();
        plan.verdicts = args.what.verdicts;
        crate::input::live(args.what.which.view())
            .and_then(|source| Ok(poolmon_record::record(source, plan, stop, tell)?))
            .map(|_| ())
            .map_err(|error| crate::app::say::problem(&error))
    }))
}

/// On Linux the unit calls `poolmon record` itself.
#[cfg(not(windows))]
pub fn run(_args: &InstallArgs) -> Result<(), ServiceError> {
    Err(Problem::new("only the service manager of Windows can call this", "use `poolmon record DIR`").into())
}

/// What is behind `record` or `service run`: the folder and every option that is not the default.
fn arguments(args: &InstallArgs, folder: &Path) -> Vec<String> {
    let what = &args.what;
    let mut list = vec![folder.display().to_string()];
    let mut say = |name: &str, value: String| list.push(format!("--{name}={value}"));
    say("interval", format!("{}ms", what.interval.as_millis()));
    if let Some(bytes) = what.max_size {
        say("max-size", format!("{}kB", bytes / 1000));
    }
    if let Some(keep) = what.keep {
        say("keep", format!("{}s", keep.as_secs()));
    }
    if what.mode != 0o600 {
        say("mode", format!("{:o}", what.mode));
    }
    if let Some(pool) = what.which.pool {
        say("pool", pool.id().to_owned());
    }
    for (name, tags) in [("include", &what.which.include), ("exclude", &what.which.exclude)] {
        for tag in tags {
            say(name, tag.clone());
        }
    }
    let switches = [
        (what.no_holders, "--no-holders"),
        (what.anonymise, "--anonymise"),
        (what.verdicts, "--verdicts"),
        (what.parquet, "--parquet"),
    ];
    list.extend(switches.into_iter().filter(|(is_set, _)| *is_set).map(|(_, name)| name.to_owned()));
    list
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    use crate::cli::service::What;
    use crate::cli::{Cli, Command};

    fn install(line: &str) -> InstallArgs {
        let cli = Cli::try_parse_from(line.split(' ')).unwrap();
        let Some(Command::Service(service)) = cli.command else { panic!("{line}") };
        let What::Install(install) = service.what else { panic!("{line}") };
        install
    }

    #[test]
    fn the_service_records_what_was_asked_for() {
        let line = "poolmon service install /var/rec --interval 500ms --max-size 2GB --keep 28d --pool nonpaged \
                    --include Ntf* --include Irp --exclude 50% --mode 640 --anonymise --verdicts --parquet";
        let install = install(line);
        let arguments = arguments(&install, Path::new("/var/rec"));
        assert_eq!(
            arguments,
            [
                "/var/rec",
                "--interval=500ms",
                "--max-size=2000000kB",
                "--keep=2419200s",
                "--mode=640",
                "--pool=nonpaged",
                "--include=Ntf*",
                "--include=Irp",
                "--exclude=50%",
                "--anonymise",
                "--verdicts",
                "--parquet",
            ]
        );
        // Read again, they mean the same.
        let again = ["poolmon", "record"].into_iter().map(str::to_owned).chain(arguments);
        let Some(Command::Record(record)) = Cli::try_parse_from(again).unwrap().command else { panic!() };
        assert_eq!(format!("{:?}", record.what), format!("{:?}", install.what));
    }

    #[test]
    fn a_file_is_no_folder() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = of(&install(&format!("poolmon service install {}", file.path().display())));
        assert!(crate::app::say::remedy(&error.unwrap_err()).unwrap().contains("name a folder"));
    }
}
