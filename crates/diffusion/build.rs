//! Lets this package's tests and its dependents' binaries find libtorch without `LD_LIBRARY_PATH`.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=DEP_TCH_LIBTORCH_LIB");
    if let Ok(library_directory) = std::env::var("DEP_TCH_LIBTORCH_LIB") {
        println!("cargo::rustc-link-arg=-Wl,-rpath,{library_directory}");
        println!("cargo::metadata=LIBTORCH_LIB={library_directory}");
    }
}
