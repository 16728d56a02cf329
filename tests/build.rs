//! Lets the tests find libtorch where the engine is built in, as it is in a build of the whole workspace.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=DEP_EASEL_GPU_NODE_LIBTORCH_LIB");
    if let Ok(library_directory) = std::env::var("DEP_EASEL_GPU_NODE_LIBTORCH_LIB") {
        println!("cargo::rustc-link-arg=-Wl,-rpath,{library_directory}");
    }
}
