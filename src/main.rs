//! The `city-services` program. All of it lives in the library, so that tests can start it too.

use std::process::ExitCode;

fn main() -> ExitCode {
    city_services::main()
}
