//! A service of Windows. What it says goes to the event log, Application, source `poolmon`.

use std::ffi::OsString;
use std::fs;
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use poolmon_model::problem::Problem;
use poolmon_record::{Plan, RecordEvent, Stop, record};
use poolmon_source::windows::live::{EventKind, report_event};
use windows_service::service::{
    Service, ServiceAccess, ServiceControl, ServiceControlAccept, ServiceErrorControl, ServiceExitCode,
    ServiceInfo, ServiceStartType, ServiceState, ServiceStatus, ServiceType,
};
use windows_service::service_control_handler::{self, ServiceControlHandlerResult};
use windows_service::service_manager::{ServiceManager, ServiceManagerAccess};
use windows_service::{define_windows_service, service_dispatcher};

use super::{ABOUT, NAME, TITLE, plan};
use crate::app::outcome::Outcome;
use crate::app::say::answer;
use crate::cli::service::InstallArgs;
use crate::input;

/// How long starting and stopping are waited for.
const PATIENCE: Duration = Duration::from_secs(30);
/// Where the event log looks up who writes into it.
const EVENT_SOURCE: &str = r"HKLM\SYSTEM\CurrentControlSet\Services\EventLog\Application\poolmon";
/// Comes with Windows and holds messages that are nothing but their text.
const EVENT_MESSAGES: &str = r"%SystemRoot%\System32\EventCreate.exe";

/// `ERROR_SERVICE_DOES_NOT_EXIST`.
const NOT_INSTALLED: i32 = 1060;
/// `ERROR_ACCESS_DENIED`.
const DENIED: i32 = 5;
/// `ERROR_FAILED_SERVICE_CONTROLLER_CONNECT`.
const NOT_BY_THE_MANAGER: i32 = 1063;

/// Installs it, and starts it unless asked not to.
pub fn install(args: &InstallArgs) -> anyhow::Result<()> {
    let folder = plan::folder(args)?;
    fs::create_dir_all(&folder).with_context(|| format!("cannot create the folder {}", folder.display()))?;
    let access = ServiceManagerAccess::CONNECT | ServiceManagerAccess::CREATE_SERVICE;
    let manager = ServiceManager::local_computer(None::<&str>, access).map_err(reported)?;
    let arguments = ["service", "run"].into_iter().map(str::to_owned).chain(plan::arguments(args, &folder));
    let info = ServiceInfo {
        name: NAME.into(),
        display_name: TITLE.into(),
        service_type: ServiceType::OWN_PROCESS,
        start_type: ServiceStartType::AutoStart,
        error_control: ServiceErrorControl::Normal,
        executable_path: plan::program()?,
        launch_arguments: arguments.map(OsString::from).collect(),
        dependencies: Vec::new(),
        // The local system's own account: the kernel reports it everything, no password is needed.
        account_name: None,
        account_password: None,
    };
    let access = ServiceAccess::CHANGE_CONFIG | ServiceAccess::START | ServiceAccess::QUERY_STATUS;
    let service = match manager.open_service(NAME, access) {
        Ok(service) => {
            service.change_config(&info).map_err(reported)?;
            answer!(
                "the service was already installed; it records to {} after its next start",
                folder.display()
            )?;
            service
        }
        Err(_) => {
            let service = manager.create_service(&info, access).map_err(reported)?;
            answer!("installed: it records to {}", folder.display())?;
            service
        }
    };
    // A description is no reason to fail.
    let _ = service.set_description(ABOUT);
    register_event_source();
    if args.no_start {
        answer!("start it with `poolmon service start`")?;
        return Ok(());
    }
    start_it(&service)
}

/// Stops it and removes it.
pub fn uninstall() -> anyhow::Result<()> {
    let service = open(ServiceAccess::DELETE | ServiceAccess::STOP | ServiceAccess::QUERY_STATUS)?;
    stop_it(&service)?;
    service.delete().map_err(reported)?;
    let _ = Command::new("reg").args(["delete", EVENT_SOURCE, "/f"]).output();
    answer!("removed; the recording is kept")?;
    Ok(())
}

/// Starts it.
pub fn start() -> anyhow::Result<()> {
    start_it(&open(ServiceAccess::START | ServiceAccess::QUERY_STATUS)?)
}

/// Stops it.
pub fn stop() -> anyhow::Result<()> {
    stop_it(&open(ServiceAccess::STOP | ServiceAccess::QUERY_STATUS)?)
}

/// Whether it runs, and with which arguments; exit code 1 if it does not run.
pub fn status() -> anyhow::Result<Outcome> {
    let service = open(ServiceAccess::QUERY_STATUS | ServiceAccess::QUERY_CONFIG)?;
    let state = service.query_status().map_err(reported)?.current_state;
    answer!("{}", words(state))?;
    if let Ok(config) = service.query_config() {
        answer!("calls: {}", config.executable_path.display())?;
    }
    Ok(Outcome::done_if(state == ServiceState::Running))
}

fn open(access: ServiceAccess) -> anyhow::Result<Service> {
    let manager =
        ServiceManager::local_computer(None::<&str>, ServiceManagerAccess::CONNECT).map_err(reported)?;
    manager.open_service(NAME, access).map_err(reported)
}

fn start_it(service: &Service) -> anyhow::Result<()> {
    if service.query_status().map_err(reported)?.current_state != ServiceState::Running {
        service.start::<&str>(&[]).map_err(reported)?;
        wait(service, ServiceState::Running)?;
    }
    answer!("running")?;
    Ok(())
}

fn stop_it(service: &Service) -> anyhow::Result<()> {
    if service.query_status().map_err(reported)?.current_state != ServiceState::Stopped {
        service.stop().map_err(reported)?;
        wait(service, ServiceState::Stopped)?;
    }
    answer!("stopped")?;
    Ok(())
}

fn wait(service: &Service, wanted: ServiceState) -> anyhow::Result<()> {
    let until = Instant::now() + PATIENCE;
    loop {
        let status = service.query_status().map_err(reported)?;
        if status.current_state == wanted {
            return Ok(());
        }
        if wanted == ServiceState::Running && status.current_state == ServiceState::Stopped {
            bail!(Problem::new(
                format!("the service ended at once; see the event log (Application, source {NAME})"),
                "or record without a service: poolmon record DIR"
            ));
        }
        if Instant::now() >= until {
            bail!("the service is {} after {} s", words(status.current_state), PATIENCE.as_secs());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn words(state: ServiceState) -> &'static str {
    match state {
        ServiceState::Stopped => "stopped",
        ServiceState::StartPending => "starting",
        ServiceState::StopPending => "stopping",
        ServiceState::Running => "running",
        ServiceState::ContinuePending | ServiceState::PausePending | ServiceState::Paused => "paused",
    }
}

/// The service manager's errors with what helps.
fn reported(error: windows_service::Error) -> anyhow::Error {
    let code = match &error {
        windows_service::Error::Winapi(error) => error.raw_os_error(),
        _ => None,
    };
    match code {
        Some(NOT_INSTALLED) => anyhow::Error::new(Problem::new(
            "the service is not installed",
            "install it: poolmon service install DIR",
        )),
        Some(DENIED) => anyhow::Error::new(Problem::new(
            "Windows' service manager: access is denied",
            "run this as administrator",
        )),
        Some(NOT_BY_THE_MANAGER) => anyhow::Error::new(Problem::new(
            "only the service manager of Windows can call this",
            "use `poolmon record DIR`",
        )),
        Some(code) => anyhow::anyhow!("Windows' service manager: {error} (error {code})"),
        None => anyhow::anyhow!("Windows' service manager: {error}"),
    }
}

/// Without it the event viewer shows our words after a complaint. That is no reason to fail.
fn register_event_source() {
    for (value, kind, data) in
        [("EventMessageFile", "REG_EXPAND_SZ", EVENT_MESSAGES), ("TypesSupported", "REG_DWORD", "7")]
    {
        let args = ["add", EVENT_SOURCE, "/v", value, "/t", kind, "/d", data, "/f"];
        let _ = Command::new("reg").args(args).output();
    }
}

/// What the service manager asked to be run; its own thread finds it here.
static ASKED: OnceLock<InstallArgs> = OnceLock::new();

define_windows_service!(service_main, serve);

/// Called by the service manager alone.
pub fn run(args: &InstallArgs) -> anyhow::Result<()> {
    let _ = ASKED.set(args.clone());
    service_dispatcher::start(NAME, service_main).map_err(reported)
}

fn serve(_arguments: Vec<OsString>) {
    if let Err(error) = serve_until_stopped() {
        report_event(NAME, EventKind::Error, &crate::app::say::in_full(&error));
    }
}

fn serve_until_stopped() -> anyhow::Result<()> {
    let args = ASKED.get().context("called without arguments")?;
    let stop = Stop::default();
    let asked = stop.clone();
    let handler = service_control_handler::register(NAME, move |control| match control {
        ServiceControl::Stop | ServiceControl::Shutdown | ServiceControl::Preshutdown => {
            asked.ask();
            ServiceControlHandlerResult::NoError
        }
        ServiceControl::Interrogate => ServiceControlHandlerResult::NoError,
        _ => ServiceControlHandlerResult::NotImplemented,
    })
    .map_err(reported)?;
    let tell_manager = |state, accepts, code| {
        handler.set_service_status(ServiceStatus {
            service_type: ServiceType::OWN_PROCESS,
            current_state: state,
            controls_accepted: accepts,
            exit_code: if code == 0 {
                ServiceExitCode::Win32(0)
            } else {
                ServiceExitCode::ServiceSpecific(code)
            },
            checkpoint: 0,
            wait_hint: PATIENCE,
            process_id: None,
        })
    };
    let accepts = ServiceControlAccept::STOP | ServiceControlAccept::SHUTDOWN;
    tell_manager(ServiceState::StartPending, ServiceControlAccept::empty(), 0).map_err(reported)?;
    let mut tell = |event: &RecordEvent<'_>| {
        let kind = match event {
            RecordEvent::Now(_) => return,
            RecordEvent::Failed(_)
            | RecordEvent::Full(_)
            | RecordEvent::NotSealed(_)
            | RecordEvent::Verdict(_)
            | RecordEvent::Exceeded(_) => EventKind::Warning,
            RecordEvent::Started { .. } => {
                // A manager that does not listen any more will end the process.
                let _ = tell_manager(ServiceState::Running, accepts, 0);
                EventKind::Information
            }
            RecordEvent::Works | RecordEvent::Room(_) | RecordEvent::Ended { .. } => EventKind::Information,
        };
        report_event(NAME, kind, &event.to_string());
    };
    let result = input::live(args.what.which.view()).and_then(|source| {
        let mut plan = Plan::new(&args.folder);
        plan.config = args.what.config();
        plan.verdicts = args.what.verdicts;
        Ok(record(source, plan, &stop, &mut tell)?)
    });
    // Before the manager is informed: with the last service stopped the process ends, and this thread with it.
    if let Err(error) = &result {
        report_event(NAME, EventKind::Error, &crate::app::say::in_full(&error));
    }
    let code = u32::from(result.is_err());
    tell_manager(ServiceState::Stopped, ServiceControlAccept::empty(), code).map_err(reported)
}
