//! The jobs of the store of lessons, and what their next runs start with.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;
use sparkwright_core::cost::Prices;
use sparkwright_core::launch::PlanLaunchAnswer;
use sparkwright_core::lesson::Lesson;
use sparkwright_core::policy::ResolvedPolicy;

use super::answer;
use super::policy_file::OpenPolicy;
use crate::assets::compiled_folder;
use crate::engine::{module_bytes, prepared_by};
use crate::jobs::{AllJobs, OneJob, next_start};
use crate::launch::policy_source::{Chosen, PolicyError};
use crate::lesson::{STORE, store_address};
use crate::store::{Read, Store, StoreError};

/// How the name of a job's file ends.
const JSON: &str = ".json";

/// The jobs.
#[derive(Debug)]
pub(super) struct Jobs {
    policy: Arc<OpenPolicy>,
    /// The store that the command line names.
    given: Option<String>,
    /// How long the store is waited for.
    within: Duration,
}

/// The policy file as it is now, and the store that is meant under it.
struct Looked {
    policy: Result<Chosen, PolicyError>,
    store: Option<Store>,
}

impl Jobs {
    pub(super) const fn of(policy: Arc<OpenPolicy>, given: Option<String>, within: Duration) -> Self {
        Self { policy, given, within }
    }

    /// Looks which store is meant: the policy file, which may name it, is edited meanwhile. One that can't be read names none.
    fn look(&self) -> Result<Looked, StoreError> {
        let policy = self.policy.chosen();
        let built_in = ResolvedPolicy::default();
        let names_it = policy.as_ref().map_or(&built_in, |chosen| &chosen.policy);
        let address = store_address(self.given.as_deref(), names_it);
        let store = address.map(|address| Store::at(&address.url, self.within)).transpose()?;
        Ok(Looked { policy, store })
    }

    fn list(&self) -> Response {
        let jobs = self.look().and_then(|looked| match &looked.store {
            Some(store) => store.jobs().map(Ok),
            None => Ok(Err(no_store(&looked.policy))),
        });
        match jobs {
            Ok(Ok(known)) => answer::json(StatusCode::OK, &AllJobs::of(&known)),
            Ok(Err(why)) => answer::json(StatusCode::OK, &json!({ "jobs": [], "no_store": why })),
            Err(error) => failed(&error),
        }
    }

    fn one(&self, job: &str) -> Response {
        let Looked { policy, store } = match self.look() {
            Ok(looked) => looked,
            Err(error) => return failed(&error),
        };
        let Some(store) = store else { return answer::error(StatusCode::NOT_FOUND, no_store(&policy)) };
        let Read { lessons, .. } = match store.lessons(job) {
            Ok(read) => read,
            Err(error) => return failed(&error),
        };
        if lessons.is_empty() {
            let why = format!("no run of `{}` has left a lesson in this store", job.escape_debug());
            return answer::error(StatusCode::NOT_FOUND, why);
        }
        let prices = policy.as_ref().map_or_else(|_| Prices::none(), |chosen| Prices::of(&chosen.policy));
        let next = policy.map_err(|error| unusable(&error)).and_then(|chosen| next_of(&chosen, &lessons));
        let next = next.as_ref().map(|(plan, currency)| (plan, currency.as_str()));
        answer::json(StatusCode::OK, &OneJob::of(job, &lessons, prices, next.map_err(String::as_str)))
    }
}

/// What the next run after these starts with by the module in this program, as `sparkwright jobs NAME` has it, and the currency of its money.
fn next_of(chosen: &Chosen, runs: &[Lesson]) -> Result<(PlanLaunchAnswer, String), String> {
    let module = module_bytes(None).map_err(|error| error.to_string())?;
    let prepared = prepared_by(&chosen.policy, &module, chosen.module_sha256.as_deref(), compiled_folder())
        .map_err(|error| error.to_string())?;
    let plan = next_start(&prepared, runs, &Default::default(), None).map_err(|error| error.to_string())?;
    Ok((plan, chosen.policy.cost.currency.clone()))
}

/// That there is no store, and how there is one.
fn no_store(policy: &Result<Chosen, PolicyError>) -> String {
    let unread = policy.as_ref().err().map(|error| format!(", and {}", unusable(error))).unwrap_or_default();
    format!(
        "there is no store of lessons: it is switched off, or neither HOME nor XDG_DATA_HOME is set{unread}. With one, each run teaches the next ones of its job. Name a folder or an address with \
         `sparkwright web --store URL`, {STORE} or the policy's `monitoring.store`, and the same with `sparkwright submit`"
    )
}

/// Why the policy can't be used, in a line.
fn unusable(error: &PolicyError) -> String {
    match error {
        PolicyError::Wrong { diagnostics } => match diagnostics.first() {
            Some(first) => format!("{error}: {}", first.message),
            None => error.to_string(),
        },
        PolicyError::Unreadable { .. } => error.to_string(),
    }
}

/// That the store does not say what it was asked.
fn failed(error: &StoreError) -> Response {
    let status = match error {
        StoreError::Late { .. } => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::BAD_GATEWAY,
    };
    let next = error.next_step().map(|next| format!("; {next}")).unwrap_or_default();
    answer::error(status, format!("{error}{next}"))
}

/// `jobs.json`.
pub(super) async fn list(State(jobs): State<Arc<Jobs>>) -> Response {
    let listed = tokio::task::spawn_blocking(move || jobs.list()).await;
    listed.unwrap_or_else(|error| answer::error(StatusCode::INTERNAL_SERVER_ERROR, error))
}

/// `jobs/<job>.json`.
pub(super) async fn job(State(jobs): State<Arc<Jobs>>, Path(name): Path<String>) -> Response {
    let Some(job) = name.strip_suffix(JSON).map(str::to_owned) else {
        return answer::nothing_at(&format!("/jobs/{name}"));
    };
    let read = tokio::task::spawn_blocking(move || jobs.one(&job)).await;
    read.unwrap_or_else(|error| answer::error(StatusCode::INTERNAL_SERVER_ERROR, error))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::net::TcpListener;
    use std::time::Instant;

    #[test]
    fn a_store_that_hangs_is_told_in_time_with_what_to_look_at() {
        // It takes connections, and no more.
        let hangs = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/lessons", hangs.local_addr().unwrap());
        let policy = Arc::new(OpenPolicy::of(None, String::new()));
        let jobs = Jobs::of(policy, Some(address), Duration::from_millis(200));
        let began = Instant::now();
        assert_eq!(
            (jobs.list().status(), jobs.one("nightly").status()),
            (StatusCode::GATEWAY_TIMEOUT, StatusCode::GATEWAY_TIMEOUT)
        );
        assert!(began.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn what_is_wrong_with_the_policy_is_told_in_a_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("team.yaml");
        std::fs::write(&file, "global_optimization: {max_executors: -3}\n").unwrap();
        let policy = OpenPolicy::of(Some(file.clone()), String::new()).chosen();
        let told = no_store(&policy);
        assert!(told.contains("the policy can't be used: ") && told.contains("--store URL"), "{told}");
        std::fs::remove_file(&file).unwrap();
        let told = no_store(&OpenPolicy::of(Some(file), String::new()).chosen());
        assert!(told.contains("can't read the policy file"), "{told}");
    }
}
