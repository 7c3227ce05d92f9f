//! The `sparkwright` command.

fn main() -> std::process::ExitCode {
    sparkwright::cli::run()
}
