//! Instructions per replica, counted by valgrind's callgrind: the same number however busy the
//! machine is.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::cloud::Cloud;
use crate::events;
use crate::function::{Function, Program, Surroundings};

/// Two runs, of which the second judges so many more replicas.
const BATCHES: [usize; 2] = [1, 5];
const SIZE: usize = 100;

/// Nothing where there is no valgrind.
pub(crate) async fn per_replica(program: &Program, directory: &Path) -> Result<Option<f64>> {
    let present = Command::new("valgrind")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !present {
        return Ok(None);
    }
    let [few, many] = BATCHES;
    let fewer = count(program, directory, few).await?;
    let more = count(program, directory, many).await?;
    let replicas = f64::from(u32::try_from((many - few) * SIZE)?);
    Ok(Some((more - fewer) / replicas))
}

/// All instructions of a process that judges `batches` batches.
async fn count(program: &Program, directory: &Path, batches: usize) -> Result<f64> {
    let profile = directory.join("callgrind.out");
    let mut out_file = std::ffi::OsString::from("--callgrind-out-file=");
    out_file.push(&profile);
    let mut command = vec![
        "/usr/bin/env".into(),
        "valgrind".into(),
        "--tool=callgrind".into(),
        "--quiet".into(),
        out_file.into(),
    ];
    command.extend(program.command.iter().cloned());
    let program = Program {
        command,
        ..program.clone()
    };
    let cloud = Cloud::start(None).await?;
    let output = directory.join("callgrind.log");
    let surroundings = Surroundings {
        endpoint: cloud.endpoint(),
        authorities: None,
        output: &output,
    };
    let (mut function, _) = Function::start(&program, surroundings).await?;
    for round in 0..batches {
        function.invoke(events::batch(SIZE, round)?).await?;
    }
    function.terminate()?;
    let profile = fs::read_to_string(&profile).context("callgrind wrote no profile")?;
    let total = profile
        .lines()
        .find_map(|line| {
            line.strip_prefix("summary: ")
                .or(line.strip_prefix("totals: "))
        })
        .context("callgrind counted nothing")?;
    Ok(total.split_whitespace().next().unwrap_or(total).parse()?)
}
