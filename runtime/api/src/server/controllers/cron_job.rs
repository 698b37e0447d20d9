//! CronJob: Jobs at times.

use super::conditions::is_true;
use super::job::is_finished;
use super::pods::{Manager, int};
use super::times::{seconds, time};
use super::{Controller, MANAGER as FIELD_MANAGER, controller_reference, is_controlled_by};
use crate::server::cron::{Schedule, time_zone};
use crate::server::error::ApiError;
use crate::server::registry::{CRON_JOBS, JOBS, Resource};
use crate::server::verbs::Options;
use crate::server::verbs::delete::DeleteOptions;
use crate::server::{Server, object};
use http::StatusCode;
use k8s_openapi::jiff::tz::TimeZone;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use seedpod_core::time::WallTime;
use serde_json::{Value, json};
use std::time::Duration;

const MANAGER: Manager = Manager {
    resource: &CRON_JOBS,
    component: "cronjob-controller",
};

static DEPENDENTS: &[&Resource] = &[&JOBS];

/// When a Job should have begun, in an annotation of it.
const SCHEDULED: &str = "batch.kubernetes.io/cronjob-scheduled-timestamp";

/// More starts than these that were missed are worth a warning.
const MISSED_MAX: usize = 100;

/// How far back the last time of a schedule is looked for, step by step: up to some years.
const LOOK_BACK_SECONDS: [i64; 6] = [
    60,
    3600,
    86_400,
    31 * 86_400,
    366 * 86_400,
    6 * 366 * 86_400,
];

#[derive(Debug)]
pub(super) struct CronJobController;

impl Controller for CronJobController {
    fn resource(&self) -> &'static Resource {
        MANAGER.resource
    }

    fn dependents(&self) -> &'static [&'static Resource] {
        DEPENDENTS
    }

    fn sync(
        &self,
        server: &mut Server,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Duration>, ApiError> {
        let Some(cron) = server.object(MANAGER.resource, namespace, name) else {
            return Ok(None);
        };
        let jobs = server.owned_or_free(&JOBS, &cron);
        let jobs = jobs.into_iter().filter(|job| is_controlled_by(job, &cron));
        let mut sync = Sync {
            jobs: jobs.collect(),
            status: cron["status"].clone(),
            server,
            cron,
        };
        sync.look_at_jobs();
        let next = match object::is_deleted(&sync.cron) {
            true => Ok(None),
            false => sync.start(),
        };
        sync.clean_up()?;
        MANAGER.update_status(sync.server, &sync.cron, sync.status)?;
        next
    }
}

struct Sync<'s> {
    server: &'s mut Server,
    cron: Value,
    jobs: Vec<Value>,
    /// What its status becomes.
    status: Value,
}

impl Sync<'_> {
    /// Brings the list of Jobs that run up to date.
    fn look_at_jobs(&mut self) {
        for job in self.jobs.clone() {
            let is_listed = self.is_listed(&job);
            let name = object::name(&job);
            if is_finished(&job) && is_listed {
                self.unlist(object::uid(&job));
                let is_complete = is_true(&job["status"], "Complete");
                let condition = if is_complete { "Complete" } else { "Failed" };
                let message = format!("Saw completed job: {name}, condition: {condition}");
                MANAGER.normal(self.server, &self.cron, "SawCompletedJob", &message);
                self.note_success(&job);
            } else if !is_finished(&job) && !is_listed {
                let message =
                    format!("Saw a job that the controller did not create or forgot: {name}");
                MANAGER.warning(self.server, &self.cron, "UnexpectedJob", &message);
            }
        }
        let active = self.status["active"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        for reference in active {
            let is_there = self
                .jobs
                .iter()
                .any(|job| job["metadata"]["uid"] == reference["uid"]);
            if !is_there {
                let name = reference["name"].as_str().unwrap_or_default();
                let message = format!("Active job went missing: {name}");
                MANAGER.normal(self.server, &self.cron, "MissingJob", &message);
                self.unlist(reference["uid"].as_str().unwrap_or_default());
            }
        }
    }

    fn note_success(&mut self, job: &Value) {
        let completed = &job["status"]["completionTime"];
        if time(completed) > time(&self.status["lastSuccessfulTime"]) {
            self.status["lastSuccessfulTime"] = completed.clone();
        }
    }

    fn is_listed(&self, job: &Value) -> bool {
        let active = self.status["active"].as_array().into_iter().flatten();
        let mut uids = active.map(|reference| &reference["uid"]);
        uids.any(|uid| *uid == job["metadata"]["uid"])
    }

    fn unlist(&mut self, uid: &str) {
        if let Some(active) = self
            .status
            .pointer_mut("/active")
            .and_then(Value::as_array_mut)
        {
            active.retain(|reference| reference["uid"] != uid);
            if active.is_empty()
                && let Some(fields) = self.status.as_object_mut()
            {
                fields.remove("active");
            }
        }
    }

    /// Starts a Job if it is time. How long it is until the next.
    fn start(&mut self) -> Result<Option<Duration>, ApiError> {
        let spec = &self.cron["spec"];
        if spec["suspend"] == true {
            return Ok(None);
        }
        let text = spec["schedule"].as_str().unwrap_or_default().to_owned();
        let schedule = match Schedule::parse(&text) {
            Ok(schedule) => schedule,
            Err(error) => {
                let message = format!("unparseable schedule: {text:?} : {error}");
                MANAGER.warning(self.server, &self.cron, "UnparseableSchedule", &message);
                return Ok(None);
            }
        };
        let Ok(zone) = time_zone(spec["timeZone"].as_str().unwrap_or("UTC")) else {
            let message = format!("invalid timeZone: {}", spec["timeZone"]);
            MANAGER.warning(self.server, &self.cron, "UnknownTimeZone", &message);
            return Ok(None);
        };
        let Some(now) = timestamp(self.server.now.wall) else {
            return Ok(None);
        };
        if let Some(due) = self.due(&schedule, &zone, now) {
            self.start_for(due, &zone, now)?;
        }
        let next = schedule.next(now, &zone);
        let left = next.and_then(|next| Duration::try_from(next.duration_since(now)).ok());
        Ok(left)
    }

    /// The last time at which a Job should have begun, and none has.
    fn due(&mut self, schedule: &Schedule, zone: &TimeZone, now: Timestamp) -> Option<Timestamp> {
        let last = time(&self.status["lastScheduleTime"]);
        let created = time(&self.cron["metadata"]["creationTimestamp"]);
        let mut earliest = timestamp(last.or(created)?)?;
        let deadline = seconds(&self.cron["spec"]["startingDeadlineSeconds"]);
        if let Some(deadline) = deadline.and_then(|deadline| now.checked_sub(deadline).ok()) {
            earliest = earliest.max(deadline);
        }
        let after = |from: Timestamp| {
            let next = move |time: &Timestamp| schedule.next(*time, zone);
            std::iter::successors(schedule.next(from, zone), next)
                .take_while(move |time| *time <= now)
        };
        if after(earliest).take(MISSED_MAX + 1).count() > MISSED_MAX {
            let message = "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew";
            MANAGER.warning(self.server, &self.cron, "TooManyMissedTimes", message);
        }
        LOOK_BACK_SECONDS.into_iter().find_map(|seconds| {
            let from = now.checked_sub(SignedDuration::from_secs(seconds)).ok()?;
            after(from.max(earliest)).last()
        })
    }

    fn start_for(
        &mut self,
        due: Timestamp,
        zone: &TimeZone,
        now: Timestamp,
    ) -> Result<(), ApiError> {
        let spec = &self.cron["spec"];
        let last = time(&self.status["lastScheduleTime"]).and_then(timestamp);
        if last == Some(due) {
            return Ok(());
        }
        let deadline = seconds(&spec["startingDeadlineSeconds"]);
        let latest = deadline.and_then(|deadline| due.checked_add(deadline).ok());
        if latest.is_some_and(|latest| latest < now) {
            let due = due
                .to_zoned(zone.clone())
                .strftime("%a, %d %b %Y %H:%M:%S %z")
                .to_string();
            let message = format!("Missed scheduled time to start a job: {due}");
            MANAGER.warning(self.server, &self.cron, "MissSchedule", &message);
            return Ok(());
        }
        let active = self.status["active"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        match spec["concurrencyPolicy"].as_str() {
            Some("Forbid") if !active.is_empty() => {
                let message = "Not starting job because prior execution is running and concurrency policy is Forbid";
                MANAGER.normal(self.server, &self.cron, "JobAlreadyActive", message);
                return Ok(());
            }
            Some("Replace") => {
                for reference in active {
                    let name = reference["name"].as_str().unwrap_or_default();
                    self.delete_job(name)?;
                    self.unlist(reference["uid"].as_str().unwrap_or_default());
                }
            }
            _ => {}
        }
        self.create_job(due, zone)
    }

    fn create_job(&mut self, due: Timestamp, zone: &TimeZone) -> Result<(), ApiError> {
        let template = &self.cron["spec"]["jobTemplate"];
        let namespace = object::namespace(&self.cron).to_owned();
        // Named by the minute, so that none is made twice.
        let name = format!("{}-{}", object::name(&self.cron), due.as_second() / 60);
        let scheduled = due.to_zoned(zone.clone());
        let mut meta = json!({
            "name": name,
            "ownerReferences": [controller_reference(MANAGER.resource, &self.cron)],
            "annotations": template["metadata"]["annotations"],
        });
        let format = match scheduled.offset().is_zero() {
            true => "%Y-%m-%dT%H:%M:%SZ",
            false => "%Y-%m-%dT%H:%M:%S%:z",
        };
        meta["annotations"][SCHEDULED] = scheduled.strftime(format).to_string().into();
        if !template["metadata"]["labels"].is_null() {
            meta["labels"] = template["metadata"]["labels"].clone();
        }
        let job = json!({"metadata": meta, "spec": template["spec"]});
        let created = self
            .server
            .create(&JOBS, &namespace, job, &Options::of(FIELD_MANAGER));
        let job = match created {
            Ok(job) => {
                let message = format!("Created job {name}");
                MANAGER.normal(self.server, &self.cron, "SuccessfulCreate", &message);
                job
            }
            Err(error) if error.reason == "AlreadyExists" => {
                let job = self.server.object(&JOBS, &namespace, &name);
                job.filter(|job| is_controlled_by(job, &self.cron))
                    .ok_or(error)?
            }
            Err(error) => {
                let message = format!("Error creating job: {error}");
                MANAGER.warning(self.server, &self.cron, "FailedCreate", &message);
                return Err(error);
            }
        };
        if !is_finished(&job) && !self.is_listed(&job) {
            let reference = json!({
                "kind": JOBS.kind, "apiVersion": JOBS.api_version(), "namespace": namespace, "name": name,
                "uid": object::uid(&job), "resourceVersion": job["metadata"]["resourceVersion"],
            });
            match self
                .status
                .pointer_mut("/active")
                .and_then(Value::as_array_mut)
            {
                Some(active) => active.push(reference),
                None => self.status["active"] = json!([reference]),
            }
        }
        self.status["lastScheduleTime"] = due.strftime("%Y-%m-%dT%H:%M:%SZ").to_string().into();
        self.jobs.push(job);
        Ok(())
    }

    fn delete_job(&mut self, name: &str) -> Result<(), ApiError> {
        let namespace = object::namespace(&self.cron);
        let options = DeleteOptions::background();
        match self.server.delete(&JOBS, namespace, name, &options) {
            Ok(_) => {
                let message = format!("Deleted job {name}");
                MANAGER.normal(self.server, &self.cron, "SuccessfulDelete", &message);
                self.jobs.retain(|job| object::name(job) != name);
                Ok(())
            }
            Err(error) if error.code == StatusCode::NOT_FOUND => Ok(()),
            Err(error) => {
                let message = format!("Deleted job: {error}");
                MANAGER.warning(self.server, &self.cron, "FailedDelete", &message);
                Err(error)
            }
        }
    }

    /// Deletes the oldest Jobs that have ended, of each kind those that are too many.
    fn clean_up(&mut self) -> Result<(), ApiError> {
        let limits = [
            ("Complete", "successfulJobsHistoryLimit"),
            ("Failed", "failedJobsHistoryLimit"),
        ];
        for (condition, limit) in limits {
            let limit = &self.cron["spec"][limit];
            if limit.is_null() {
                continue;
            }
            let limit = usize::try_from(int(limit)).unwrap_or_default();
            let ended = self.jobs.iter();
            let ended =
                ended.filter(|job| is_true(&job["status"], condition) && !object::is_deleted(job));
            let mut ended: Vec<(String, String)> = ended
                .map(|job| {
                    let started = job["status"]["startTime"].as_str().unwrap_or_default();
                    (started.to_owned(), object::name(job).to_owned())
                })
                .collect();
            ended.sort();
            let surplus = ended.len().saturating_sub(limit);
            for (_, name) in &ended[..surplus] {
                self.delete_job(name)?;
            }
        }
        Ok(())
    }
}

fn timestamp(wall: WallTime) -> Option<Timestamp> {
    Timestamp::from_nanosecond(i128::from(wall.as_unix_nanos())).ok()
}
