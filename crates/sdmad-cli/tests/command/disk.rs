//! Places that cannot be written to: full, read-only, or something else already.

use std::fs;
use std::process::Command;

use crate::world::{Outcome, TRAIN, World};

const EVALUATE: &str = "evaluate --run run --data data/manifest.csv";

#[test]
fn what_is_there_is_not_written_over() {
    let world = World::trained();
    world.write("full/precious.txt", "precious");
    for arguments in [format!("{TRAIN} --shots 4 --out full"), format!("{EVALUATE} --out full")] {
        world.refuses(2, &arguments, &["full", "not empty", "nothing was written over"]);
    }
    for arguments in [format!("{TRAIN} --shots 4 --out run"), format!("{EVALUATE} --out run")] {
        world.refuses(2, &arguments, &["run", "not empty"]);
    }
    // A path below a file cannot be.
    for arguments in [
        format!("{TRAIN} --shots 4 --out full/precious.txt/run"),
        format!("{EVALUATE} --out full/precious.txt/eval"),
        "predict --run run --out full/precious.txt/answers data/images".into(),
    ] {
        world.refuses(2, &arguments, &["full/precious.txt"]);
    }
    fs::create_dir(world.path("hollow")).unwrap();
    world.succeeds(&format!("{EVALUATE} --out hollow"));
}

/// Runs the command with `place` being a file system of its own, mounted with `options`, that no other process sees.
/// None where this user may not mount. Lists what is left in the place on the last line of stdout.
fn in_mount(world: &World, place: &str, options: &str, arguments: &str) -> Option<Outcome> {
    fs::create_dir_all(world.path(place)).unwrap();
    let script = "mount -t tmpfs -o \"$1\" none \"$2\" || exit 99; place=$2; shift 2; \
                  \"$@\"; status=$?; echo \"left: $(ls -A \"$place\")\"; exit $status";
    let mut command = Command::new("unshare");
    command.args(["--mount", "--map-root-user", "sh", "-c", script, "sh", options, place]);
    command.arg(env!("CARGO_BIN_EXE_sdmad")).args(arguments.split_whitespace());
    let output = world.prepared(command).output().ok()?;
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let outcome = Outcome { status: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) };
    // `unshare` itself ends with 1 when it is not allowed; the shell then never printed.
    (outcome.status != Some(99) && outcome.stdout.contains("left: ")).then_some(outcome)
}

/// What writes into `place`, each by another verb.
fn writers(place: &str) -> [String; 3] {
    [
        format!("{TRAIN} --shots 4 --out {place}/new"),
        format!("{EVALUATE} --out {place}/new"),
        format!("predict --run run --out {place} data/images"),
    ]
}

#[test]
fn a_full_disk_is_an_error_and_leaves_nothing() {
    let world = World::trained();
    for arguments in writers("disk") {
        let Some(outcome) = in_mount(&world, "disk", "size=16k", &arguments) else {
            eprintln!("SKIPPED: this user may not mount; files are limited in size instead");
            return files_limited_in_size(&world);
        };
        outcome.is_refusal(1, &arguments, &["disk/", "No space left on device", "free some space"]);
        assert!(outcome.stdout.ends_with("left: \n"), "{arguments}: {outcome:#?}");
    }
}

/// Where no small disk can be had: no file may be longer than a block.
fn files_limited_in_size(world: &World) {
    let before = world.content();
    for arguments in writers("disk") {
        let mut command = Command::new("bash");
        command.args(["-c", "trap '' XFSZ; ulimit -f 1; exec \"$@\"", "bash", env!("CARGO_BIN_EXE_sdmad")]);
        command.args(arguments.split_whitespace());
        let outcome = Outcome::of(&mut world.prepared(command));
        outcome.is_refusal(1, &arguments, &["disk"]);
    }
    assert_eq!(before, world.content());
}

#[test]
fn a_read_only_place_is_an_error() {
    let world = World::trained();
    for arguments in writers("disk") {
        let Some(outcome) = in_mount(&world, "disk", "ro", &arguments) else {
            eprintln!("SKIPPED: this user may not mount; permission bits are taken instead");
            return permission_bits(&world);
        };
        outcome.is_refusal(1, &arguments, &["disk", "Read-only file system", "a folder that you may write to"]);
        assert!(outcome.stdout.ends_with("left: \n"), "{arguments}: {outcome:#?}");
    }
}

#[cfg(unix)]
fn permission_bits(world: &World) {
    use std::os::unix::fs::PermissionsExt;
    let set = |mode| fs::set_permissions(world.path("disk"), fs::Permissions::from_mode(mode)).unwrap();
    set(0o555);
    if fs::write(world.path("disk/probe"), "").is_ok() {
        eprintln!("SKIPPED: permission bits do not bind this user");
        return;
    }
    for arguments in writers("disk") {
        world.refuses(1, &arguments, &["disk", "a folder that you may write to"]);
    }
    set(0o755);
}

#[cfg(not(unix))]
fn permission_bits(_world: &World) {
    eprintln!("SKIPPED: there are no permission bits");
}
