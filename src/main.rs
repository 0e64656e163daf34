//! Parse, run, exit code. Everything else is in the library.

use std::process::ExitCode;

use rbgpu::cli::allocator::Allocator;

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

fn main() -> ExitCode {
    // Looking for a gpu, Vulkan drivers load libwayland, which complains on
    // standard error where there is no such folder, as on a server.
    #[cfg(target_os = "linux")]
    if std::env::var_os("XDG_RUNTIME_DIR").is_none() {
        // SAFETY: no other thread has been started.
        unsafe { std::env::set_var("XDG_RUNTIME_DIR", std::env::temp_dir()) };
    }
    rbgpu::cli::main()
}
