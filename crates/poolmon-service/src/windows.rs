//! A service of Windows. What it says goes to the event log, Application, source `poolmon`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use poolmon_model::problem::{Problem, Remedy as _};
use poolmon_record::{RecordEvent, Stop};
use poolmon_source::windows::live::{
    EventKind, forget_event_source, make_private, register_event_source, replaceable, report_event,
};
use windows_service::service::{
    Service, ServiceAccess, ServiceAction, ServiceActionType, ServiceControl, ServiceControlAccept,
    ServiceErrorControl, ServiceExitCode, ServiceFailureActions, ServiceFailureResetPeriod, ServiceInfo,
    ServiceStartType, ServiceState, ServiceStatus, ServiceType,
};
use windows_service::service_control_handler::{self, ServiceControlHandlerResult};
use windows_service::service_manager::{ServiceManager, ServiceManagerAccess};
use windows_service::{define_windows_service, service_dispatcher};

use crate::{ABOUT, Installation, NAME, Say, ServiceError, cannot, program};

/// What the service manager shows of it.
const TITLE: &str = "poolmon recorder";
/// How long starting and stopping are waited for.
const PATIENCE: Duration = Duration::from_secs(30);
/// An account that Windows makes for this service alone: it has no password, no administrator's rights, and of the disk what all users may
/// read and the folder of the recording. The kernel's tables need no more.
const ACCOUNT: &str = r"NT SERVICE\poolmon";
/// After a failure it is started again: soon, later, and then as long as the machine runs.
const AGAIN: [Duration; 3] = [Duration::from_secs(10), Duration::from_mins(1), Duration::from_mins(10)];

/// `ERROR_SERVICE_DOES_NOT_EXIST`.
const NOT_INSTALLED: i32 = 1060;
/// `ERROR_ACCESS_DENIED`.
const DENIED: i32 = 5;
/// `ERROR_FAILED_SERVICE_CONTROLLER_CONNECT`.
const NOT_BY_THE_MANAGER: i32 = 1063;

/// Installs it, and starts it if asked.
///
/// # Errors
///
/// The service manager's, a program that users without rights could replace, and a folder that cannot be created.
pub fn install(what: &Installation, say: Say<'_>) -> Result<(), ServiceError> {
    let program = if what.copy { copied(&program()?, say)? } else { program()? };
    refuse_replaceable(&program, &what.folder)?;
    make_private(&what.folder, true)
        .map_err(|error| cannot("make the folder for the service", &what.folder, &error, None))?;
    let access = ServiceManagerAccess::CONNECT | ServiceManagerAccess::CREATE_SERVICE;
    let manager = ServiceManager::local_computer(None::<&str>, access).map_err(reported)?;
    let arguments = ["service", "run"].into_iter().map(str::to_owned).chain(what.arguments.iter().cloned());
    let info = ServiceInfo {
        name: NAME.into(),
        display_name: TITLE.into(),
        service_type: ServiceType::OWN_PROCESS,
        start_type: ServiceStartType::AutoStart,
        error_control: ServiceErrorControl::Normal,
        executable_path: program,
        launch_arguments: arguments.map(OsString::from).collect(),
        dependencies: Vec::new(),
        account_name: Some(ACCOUNT.into()),
        account_password: None,
    };
    let access = ServiceAccess::CHANGE_CONFIG | ServiceAccess::START | ServiceAccess::QUERY_STATUS;
    let service = match manager.open_service(NAME, access) {
        Ok(service) => {
            service.change_config(&info).map_err(reported)?;
            say(&format!(
                "the service was already installed; it records to {} after its next start",
                what.folder.display()
            ))?;
            service
        }
        Err(_) => {
            let service = manager.create_service(&info, access).map_err(reported)?;
            say(&format!("installed: it records to {}", what.folder.display()))?;
            service
        }
    };
    // None of this is a reason to fail.
    let _ = service.set_description(ABOUT);
    let restart = |delay| ServiceAction { action_type: ServiceActionType::Restart, delay };
    let _ = service.update_failure_actions(ServiceFailureActions {
        reset_period: ServiceFailureResetPeriod::After(Duration::from_hours(24)),
        reboot_msg: None,
        command: None,
        actions: Some(AGAIN.map(restart).to_vec()),
    });
    // It ends with a code where it cannot record, which is not a crash.
    let _ = service.set_failure_actions_on_non_crash_failures(true);
    register_event_source(NAME);
    if !what.start {
        say("start it with `poolmon service start`")?;
        return Ok(());
    }
    start_it(&service, say)
}

/// A copy of this program where only administrators write.
fn copied(program: &Path, say: Say<'_>) -> Result<PathBuf, ServiceError> {
    let root = std::env::var_os("ProgramFiles")
        .ok_or_else(|| Problem::from("the variable ProgramFiles is not set".to_owned()))?;
    let copy = PathBuf::from(root).join(NAME).join("poolmon.exe");
    if copy != program {
        let stop = Some("a running service keeps it open; stop it first: poolmon service stop");
        std::fs::create_dir_all(copy.parent().unwrap_or(&copy))
            .and_then(|()| std::fs::copy(program, &copy))
            .map_err(|error| cannot("copy this program to", &copy, &error, stop))?;
        say(&format!("copied: {}", copy.display()))?;
    }
    Ok(copy)
}

/// A service starts its program without asking: one that lesser users can replace would be theirs.
fn refuse_replaceable(program: &Path, folder: &Path) -> Result<(), ServiceError> {
    let found =
        replaceable(program).map_err(|error| cannot("find out who may change", program, &error, None))?;
    let Some((who, place)) = found else { return Ok(()) };
    let place = if place == program { "it".to_owned() } else { place.display().to_string() };
    Err(Problem::new(
        format!("{}: not safe as a service: {who} may change {place}", program.display()),
        format!(
            "install a copy of it that only administrators can change: poolmon service install \"{}\" --copy",
            folder.display()
        ),
    )
    .into())
}

/// Stops it and removes it.
///
/// # Errors
///
/// The service manager's.
pub fn uninstall(say: Say<'_>) -> Result<(), ServiceError> {
    let service = open(ServiceAccess::DELETE | ServiceAccess::STOP | ServiceAccess::QUERY_STATUS)?;
    stop_it(&service, say)?;
    service.delete().map_err(reported)?;
    forget_event_source(NAME);
    say("removed; the recording is kept")?;
    Ok(())
}

/// Starts it.
///
/// # Errors
///
/// The service manager's.
pub fn start(say: Say<'_>) -> Result<(), ServiceError> {
    start_it(&open(ServiceAccess::START | ServiceAccess::QUERY_STATUS)?, say)
}

/// Stops it.
///
/// # Errors
///
/// The service manager's.
pub fn stop(say: Say<'_>) -> Result<(), ServiceError> {
    stop_it(&open(ServiceAccess::STOP | ServiceAccess::QUERY_STATUS)?, say)
}

/// Says its state and with which arguments it is called; whether it runs.
///
/// # Errors
///
/// The service manager's.
pub fn status(say: Say<'_>) -> Result<bool, ServiceError> {
    let service = open(ServiceAccess::QUERY_STATUS | ServiceAccess::QUERY_CONFIG)?;
    let state = service.query_status().map_err(reported)?.current_state;
    say(words(state))?;
    if let Ok(config) = service.query_config() {
        say(&format!("calls: {}", config.executable_path.display()))?;
    }
    Ok(state == ServiceState::Running)
}

fn open(access: ServiceAccess) -> Result<Service, ServiceError> {
    let manager =
        ServiceManager::local_computer(None::<&str>, ServiceManagerAccess::CONNECT).map_err(reported)?;
    Ok(manager.open_service(NAME, access).map_err(reported)?)
}

fn start_it(service: &Service, say: Say<'_>) -> Result<(), ServiceError> {
    if service.query_status().map_err(reported)?.current_state != ServiceState::Running {
        service.start::<&str>(&[]).map_err(reported)?;
        wait(service, ServiceState::Running)?;
    }
    say("running")?;
    Ok(())
}

fn stop_it(service: &Service, say: Say<'_>) -> Result<(), ServiceError> {
    if service.query_status().map_err(reported)?.current_state != ServiceState::Stopped {
        service.stop().map_err(reported)?;
        wait(service, ServiceState::Stopped)?;
    }
    say("stopped")?;
    Ok(())
}

fn wait(service: &Service, wanted: ServiceState) -> Result<(), ServiceError> {
    let until = Instant::now() + PATIENCE;
    loop {
        let status = service.query_status().map_err(reported)?;
        if status.current_state == wanted {
            return Ok(());
        }
        if wanted == ServiceState::Running && status.current_state == ServiceState::Stopped {
            return Err(Problem::new(
                format!("the service ended at once; see the event log (Application, source {NAME})"),
                "or record without a service: poolmon record DIR",
            )
            .into());
        }
        if Instant::now() >= until {
            let state = words(status.current_state);
            return Err(
                Problem::from(format!("the service is {state} after {} s", PATIENCE.as_secs())).into()
            );
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
fn reported(error: windows_service::Error) -> Problem {
    let code = match &error {
        windows_service::Error::Winapi(error) => error.raw_os_error(),
        _ => None,
    };
    match code {
        Some(NOT_INSTALLED) => {
            Problem::new("the service is not installed", "install it: poolmon service install DIR")
        }
        Some(DENIED) => {
            Problem::new("Windows' service manager: access is denied", "run this as administrator")
        }
        Some(NOT_BY_THE_MANAGER) => {
            Problem::new("only the service manager of Windows can call this", "use `poolmon record DIR`")
        }
        Some(code) => Problem::from(format!("Windows' service manager: {error} (error {code})")),
        None => Problem::from(format!("Windows' service manager: {error}")),
    }
}

/// Records until it is stopped, and reports each event. A reason to fail is an error.
pub type Recorder = Box<dyn FnOnce(&Stop, &mut dyn FnMut(&RecordEvent<'_>)) -> Result<(), Problem> + Send>;

/// What the service manager asked to be run; its own thread finds it here.
static ASKED: Mutex<Option<Recorder>> = Mutex::new(None);

define_windows_service!(service_main, serve);

/// Called by the service manager alone: runs the recorder until the manager stops it.
///
/// # Errors
///
/// Somebody else called it.
pub fn run(recorder: Recorder) -> Result<(), ServiceError> {
    *ASKED.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(recorder);
    service_dispatcher::start(NAME, service_main).map_err(|error| reported(error).into())
}

fn serve(_arguments: Vec<OsString>) {
    if let Err(problem) = serve_until_stopped() {
        report_event(NAME, EventKind::Error, &problem.in_full());
    }
}

fn serve_until_stopped() -> Result<(), Problem> {
    let recorder = ASKED.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
    let recorder = recorder.ok_or_else(|| Problem::from("called without arguments".to_owned()))?;
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
            RecordEvent::Works
            | RecordEvent::Room(_)
            | RecordEvent::Deleted(_)
            | RecordEvent::Ended { .. } => EventKind::Information,
        };
        report_event(NAME, kind, &event.to_string());
    };
    let result = recorder(&stop, &mut tell);
    // Before the manager is informed: with the last service stopped the process ends, and this thread with it.
    if let Err(problem) = &result {
        report_event(NAME, EventKind::Error, &problem.in_full());
    }
    let code = u32::from(result.is_err());
    tell_manager(ServiceState::Stopped, ServiceControlAccept::empty(), code).map_err(reported)
}
