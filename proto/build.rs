//! Generates the wire's modules from the `.proto` files beside this one; no `protoc` is needed on the machine.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files = ["jobmanager.proto", "jobs.proto", "shuffle.proto"];
    let descriptors = protox::compile(files, ["."])?;
    tonic_prost_build::configure().bytes(".irmak.v1.BatchFrame").compile_fds(descriptors)?;
    files.iter().for_each(|file| println!("cargo:rerun-if-changed={file}"));
    Ok(())
}
