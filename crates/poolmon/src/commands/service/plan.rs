//! The arguments with which the service calls this program again.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use poolmon_model::problem::Problem;

use crate::cli::service::InstallArgs;

/// Refuses what would fail each time that the service starts.
pub fn check(args: &InstallArgs) -> anyhow::Result<()> {
    let folder = folder(args)?;
    ensure!(
        !folder.exists() || folder.is_dir(),
        Problem::new(format!("{}: is a file", folder.display()), "name a folder for the recording")
    );
    Ok(())
}

/// The folder, as a service sees it that starts elsewhere.
pub fn folder(args: &InstallArgs) -> anyhow::Result<PathBuf> {
    std::path::absolute(&args.folder).with_context(|| format!("cannot find {}", args.folder.display()))
}

/// This program's own file.
pub fn program() -> anyhow::Result<PathBuf> {
    std::env::current_exe().context("cannot find this program's own file")
}

/// What is behind `record` or `service run`: the folder and every option that is not the default.
pub fn arguments(args: &InstallArgs, folder: &Path) -> Vec<String> {
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
    if let Some(pool) = what.which.pool {
        say("pool", pool.id().to_owned());
    }
    for (name, tags) in [("include", &what.which.include), ("exclude", &what.which.exclude)] {
        for tag in tags {
            say(name, tag.clone());
        }
    }
    if what.verdicts {
        list.push("--verdicts".to_owned());
    }
    if what.parquet {
        list.push("--parquet".to_owned());
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    use crate::cli::{Cli, Command};
    use crate::commands::service::What;

    fn install(line: &str) -> InstallArgs {
        let cli = Cli::try_parse_from(line.split(' ')).unwrap();
        let Some(Command::Service(service)) = cli.command else { panic!("{line}") };
        let What::Install(install) = service.what else { panic!("{line}") };
        install
    }

    #[test]
    fn the_service_records_what_was_asked_for() {
        let line = "poolmon service install /var/rec --interval 500ms --max-size 2GB --keep 28d --pool nonpaged \
                    --include Ntf* --include Irp --exclude 50% --verdicts --parquet";
        let install = install(line);
        let arguments = arguments(&install, Path::new("/var/rec"));
        assert_eq!(
            arguments,
            [
                "/var/rec",
                "--interval=500ms",
                "--max-size=2000000kB",
                "--keep=2419200s",
                "--pool=nonpaged",
                "--include=Ntf*",
                "--include=Irp",
                "--exclude=50%",
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
        let error = check(&install(&format!("poolmon service install {}", file.path().display())));
        assert!(crate::app::say::remedy(&error.unwrap_err()).unwrap().contains("name a folder"));
    }
}
