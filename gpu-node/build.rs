//! Lets the binary and the tests find libtorch without `LD_LIBRARY_PATH`.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=DEP_EASEL_DIFFUSION_LIBTORCH_LIB");
    // Absent without the `torch` feature, and then nothing is linked.
    if let Ok(library_directory) = std::env::var("DEP_EASEL_DIFFUSION_LIBTORCH_LIB") {
        println!("cargo::rustc-link-arg=-Wl,-rpath,{library_directory}");
        // Link arguments do not propagate: whoever links this library repeats them.
        println!("cargo::metadata=libtorch_lib={library_directory}");
    }
}
