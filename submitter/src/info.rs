//! `irmak info`: the plan of a script, which the JobManager makes and does not run.

use irmak_proto::v1;

use crate::args::InfoArgs;
use crate::connect::connect;
use crate::error::SubmitterError;
use crate::script;

pub(crate) async fn info(args: InfoArgs) -> Result<(), SubmitterError> {
    let script = script::read(&args.file, args.format)?;
    let mut client = connect(&args.cluster).await?;
    let mut configuration: std::collections::HashMap<String, String> = args.configuration.into_iter().collect();
    if let Some(parallelism) = args.parallelism {
        configuration.insert("parallelism.default".to_owned(), parallelism.to_string());
    }
    let request = v1::SubmitRequest {
        submission_id: String::new(),
        file_name: script.file,
        format: script.format.wire().to_owned(),
        script: script.text,
        configuration,
        savepoint_path: String::new(),
        ..Default::default()
    };
    let plan = client.plan(request).await?.into_inner();
    println!("{}", if args.json { plan.json } else { plan.text });
    Ok(())
}
