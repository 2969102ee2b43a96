//! The real triage dump, where it is at hand: every module in every field, and a clear refusal.

use std::path::PathBuf;

use poolmon_dump::{Container, Dump, DumpError, Needle};

fn shared() -> Option<PathBuf> {
    poolmon_testkit::shared("inputs/dumps/rizin-triage_x64.dmp")
}

#[test]
fn the_real_triage_dump_is_told_in_every_field() {
    let Some(path) = shared() else { return };
    let expected = std::fs::read(path.with_extension("expected.json")).unwrap();
    let expected: serde_json::Value = serde_json::from_slice(&expected).unwrap();
    let number = |value: &serde_json::Value| match value.as_str() {
        Some(hex) => u64::from_str_radix(hex.trim_start_matches("0x"), 16).unwrap(),
        None => value.as_u64().unwrap(),
    };
    let dump = Dump::open(&path).unwrap();
    let header = dump.header().unwrap();
    assert_eq!(u64::from(header.build), number(&expected["build"]));
    assert_eq!(u64::from(header.machine_number), number(&expected["machine"]));
    assert_eq!(u64::from(header.processors), number(&expected["processors"]));
    assert_eq!(u64::from(header.bugcheck), number(&expected["bugcheck"]));
    assert_eq!(u64::from(header.dump_type), number(&expected["dump_type"]));
    assert_eq!(header.directory_table_base, number(&expected["dtb"]));
    assert_eq!(header.module_list, number(&expected["ps_loaded_module_list"]));
    assert_eq!(header.debugger_data, number(&expected["kdbg"]));
    let data = dump.kernel_data().unwrap();
    assert_eq!(u64::from(data.size), number(&expected["kdbg_size"]));
    assert_eq!(data.kernel_base, number(&expected["kern_base"]));
    assert_eq!(data.pool_track_table, number(&expected["kdbg_pool_track_table"]));

    let modules = dump.modules().unwrap();
    let drivers = expected["drivers"].as_array().unwrap();
    assert_eq!(modules.len(), drivers.len());
    for (module, driver) in modules.iter().zip(drivers) {
        assert_eq!(&*module.path, driver["name"].as_str().unwrap());
        assert_eq!(module.base, number(&driver["base"]));
        assert_eq!(u64::from(module.size), number(&driver["size"]));
        assert_eq!(u64::from(module.checksum), number(&driver["checksum"]));
        assert_eq!(module.timestamp.map(u64::from), Some(number(&driver["timestamp"])));
    }
    assert_eq!(modules[0].symbol_key().as_deref(), Some("ntoskrnl.exe/0D8333E61046000"));
}

#[test]
fn the_real_triage_dump_says_what_it_is_and_what_it_lacks() {
    let Some(path) = shared() else { return };
    let dump = Dump::open(&path).unwrap();
    assert_eq!(dump.container(), Container::Triage);
    let info = dump.info();
    assert_eq!(info.system().as_deref(), Some("Windows 10 2004 to 22H2 (kernel build 19041)"));
    assert!(info.build_text.as_deref().unwrap().starts_with("19041.1.amd64fre.vb_release"));
    assert_eq!(info.time.unwrap().to_string(), "2021-02-21T01:38:22.9877657Z");
    assert_eq!(info.uptime.unwrap().as_secs(), 3);
    assert!(info.bugcheck_text().unwrap().contains("SYSTEM_THREAD_EXCEPTION_NOT_HANDLED"));
    assert_eq!(info.bugcheck_parameters()[0].1, "exception code: STATUS_ACCESS_VIOLATION");
    // The header records the breakpoint that ended it, which is not the cause.
    assert_eq!(info.exception, None);
    let fault = dump.module_at(info.fault().unwrap()).unwrap().unwrap();
    assert_eq!(fault.file_name(), "amdppm.sys");
    assert!(info.answers.modules.is_ok() && info.answers.pool_used.is_err() && info.answers.find.is_err());
    // The kernel's header page is in the file: its own figures agree with the driver list.
    let kernel = &dump.modules().unwrap()[0];
    let image = dump.module_details(kernel).image.unwrap();
    assert_eq!((image.timestamp, image.image_size), (kernel.timestamp.unwrap(), kernel.size));

    let error = dump.pool_used().unwrap_err();
    assert!(matches!(error, DumpError::Unanswerable { .. }));
    let text = poolmon_model::problem::Remedy::in_full(&error);
    assert!(text.starts_with("pool tables are not in this file: it is a triage dump"), "{text}");
    assert!(text.contains("kernel or complete dump"), "{text}");
    assert!(dump.big_pool(None).is_err());
    assert!(dump.find(&Needle::parse("Leak").unwrap(), &mut |_, _| true).is_err());

    let unloaded: Vec<_> =
        dump.unloaded_modules().into_iter().map(|driver| (driver.name.to_string(), driver.start)).collect();
    assert_eq!(unloaded.len(), 4);
    assert_eq!(unloaded[0], ("dam.sys".to_owned(), 0xffff_f804_87de_0000));
    assert_eq!(unloaded[1].0, "WdBoot.sys");
}
