//! `wnm`, for tests.

fn main() -> std::process::ExitCode {
    wnm_cli::main_impl()
}
