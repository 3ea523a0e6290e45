//! The `aircomp` program; all of it is in [`harness::cli`].

fn main() -> std::process::ExitCode {
    harness::cli::run(std::env::args_os())
}
