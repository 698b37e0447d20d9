//! A PodTest as it is written. Everything may be missing: what must be there is checked with a path and a reason.

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::fmt;

/// A number or text as written; the deserializer of manifests knows this name.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Quantity(pub(super) String);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    dead_code,
    reason = "read before the rest, and named here so that they are no unknown fields"
)]
pub(super) struct PodTest {
    pub(super) api_version: Option<String>,
    pub(super) kind: Option<String>,
    pub(super) metadata: Option<TestMeta>,
    pub(super) spec: Option<TestSpec>,
}

#[derive(Default, Deserialize)]
pub(super) struct TestMeta {
    pub(super) name: Option<String>,
}

#[derive(Default, Deserialize)]
pub(super) struct TestSpec {
    pub(super) manifest: Option<OneOrMore>,
    pub(super) limit: Option<Quantity>,
    pub(super) settle: Option<Quantity>,
    pub(super) runs: Option<u64>,
    pub(super) strategy: Option<String>,
    pub(super) systematic: Option<u64>,
    pub(super) regressions: Option<String>,
    pub(super) world: Option<TestWorld>,
    #[serde(default)]
    pub(super) drive: Vec<TestStep>,
    pub(super) faults: Option<TestFaults>,
    #[serde(default)]
    pub(super) properties: Vec<TestProperty>,
    pub(super) defaults: Option<TestDefaults>,
}

#[derive(Default, Deserialize)]
pub(super) struct TestWorld {
    pub(super) net: Option<TestNet>,
    pub(super) disk: Option<TestDisk>,
    pub(super) clock: Option<TestClock>,
    pub(super) start: Option<TestStart>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TestNet {
    pub(super) latency: Option<Quantity>,
    pub(super) short_read: Option<Quantity>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TestDisk {
    pub(super) durable: Option<String>,
    pub(super) short_read: Option<Quantity>,
}

#[derive(Default, Deserialize)]
pub(super) struct TestClock {
    pub(super) skew: Option<BTreeMap<String, Quantity>>,
}

#[derive(Default, Deserialize)]
pub(super) struct TestStart {
    pub(super) stagger: Option<Quantity>,
}

#[derive(Deserialize)]
pub(super) struct TestStep {
    pub(super) at: Option<Quantity>,
    pub(super) within: Option<Quantity>,
    pub(super) expect: Option<TestExpect>,
    pub(super) publish: Option<PublishStep>,
    pub(super) http: Option<HttpStep>,
    pub(super) tcp: Option<TcpStep>,
    pub(super) exec: Option<ExecStep>,
    pub(super) write: Option<WriteStep>,
    pub(super) signal: Option<SignalStep>,
    pub(super) delete: Option<DeleteStep>,
    pub(super) apply: Option<ApplyStep>,
    pub(super) wait: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TestExpect {
    pub(super) status: Option<u16>,
    pub(super) body: Option<String>,
    pub(super) exit_code: Option<i32>,
    pub(super) output: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct PublishStep {
    pub(super) pod: Option<String>,
    pub(super) queue: Option<String>,
    pub(super) bodies: Option<OneOrMore>,
    pub(super) every: Option<Quantity>,
    pub(super) priority: Option<u32>,
}

#[derive(Deserialize)]
pub(super) struct HttpStep {
    pub(super) to: Option<String>,
    pub(super) get: Option<String>,
    pub(super) head: Option<String>,
    pub(super) post: Option<String>,
    pub(super) put: Option<String>,
    pub(super) patch: Option<String>,
    pub(super) delete: Option<String>,
    pub(super) headers: Option<BTreeMap<String, Quantity>>,
    pub(super) body: Option<String>,
    pub(super) file: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct TcpStep {
    pub(super) to: Option<String>,
    pub(super) send: Option<String>,
    pub(super) file: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct ExecStep {
    pub(super) pod: Option<String>,
    pub(super) container: Option<String>,
    #[serde(default)]
    pub(super) command: Vec<String>,
    pub(super) stdin: Option<String>,
    pub(super) file: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct WriteStep {
    pub(super) path: Option<String>,
    pub(super) text: Option<String>,
    pub(super) file: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct SignalStep {
    pub(super) pod: Option<String>,
    pub(super) container: Option<String>,
    pub(super) signal: Option<Quantity>,
}

#[derive(Deserialize)]
pub(super) struct DeleteStep {
    pub(super) pod: Option<String>,
    pub(super) grace: Option<Quantity>,
}

#[derive(Deserialize)]
pub(super) struct ApplyStep {
    pub(super) text: Option<String>,
    pub(super) file: Option<String>,
}

#[derive(Default, Deserialize)]
pub(super) struct TestFaults {
    pub(super) budget: Option<Quantity>,
    #[serde(default)]
    pub(super) menu: Vec<TestFault>,
    #[serde(default)]
    pub(super) script: Vec<TestFault>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TestFault {
    pub(super) times: Option<u32>,
    pub(super) at: Option<Quantity>,
    pub(super) when: Option<String>,
    pub(super) crash: Option<ContainerFault>,
    pub(super) oom: Option<ContainerFault>,
    pub(super) pause: Option<PauseFault>,
    pub(super) slow: Option<SlowFault>,
    pub(super) partition: Option<PartitionFault>,
    pub(super) reset: Option<LinkFault>,
    pub(super) loss: Option<DatagramFault>,
    pub(super) reorder: Option<DatagramFault>,
    pub(super) disk_full: Option<VolumeWindowFault>,
    pub(super) io_error: Option<IoFault>,
    pub(super) torn_write: Option<VolumeFault>,
    pub(super) lost_fsync: Option<VolumeWindowFault>,
    pub(super) clock_jump: Option<ClockFault>,
    pub(super) redeliver: Option<QueueFault>,
}

#[derive(Deserialize)]
pub(super) struct ContainerFault {
    pub(super) container: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct PauseFault {
    pub(super) container: Option<String>,
    #[serde(rename = "for")]
    pub(super) duration: Option<Quantity>,
}

#[derive(Deserialize)]
pub(super) struct SlowFault {
    pub(super) link: Option<String>,
    pub(super) latency: Option<Quantity>,
    #[serde(rename = "for")]
    pub(super) duration: Option<Quantity>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PartitionFault {
    #[serde(default)]
    pub(super) between: Vec<String>,
    #[serde(rename = "for")]
    pub(super) duration: Option<Quantity>,
    pub(super) one_way: Option<OneWay>,
}

#[derive(Deserialize)]
pub(super) struct LinkFault {
    pub(super) link: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct DatagramFault {
    pub(super) link: Option<String>,
    pub(super) rate: Option<Quantity>,
    #[serde(rename = "for")]
    pub(super) duration: Option<Quantity>,
}

#[derive(Deserialize)]
pub(super) struct VolumeFault {
    pub(super) volume: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct VolumeWindowFault {
    pub(super) volume: Option<String>,
    #[serde(rename = "for")]
    pub(super) duration: Option<Quantity>,
}

#[derive(Deserialize)]
pub(super) struct IoFault {
    pub(super) volume: Option<String>,
    #[serde(default)]
    pub(super) ops: Vec<String>,
    pub(super) rate: Option<Quantity>,
    #[serde(rename = "for")]
    pub(super) duration: Option<Quantity>,
}

#[derive(Deserialize)]
pub(super) struct ClockFault {
    pub(super) container: Option<String>,
    pub(super) by: Option<Quantity>,
}

#[derive(Deserialize)]
pub(super) struct QueueFault {
    pub(super) queue: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct TestProperty {
    pub(super) always: Option<ExpressionProperty>,
    pub(super) never: Option<ExpressionProperty>,
    pub(super) eventually: Option<EventuallyProperty>,
    #[serde(rename = "finally")]
    pub(super) finally: Option<ExpressionProperty>,
    pub(super) sometimes: Option<ExpressionProperty>,
    pub(super) bounded: Option<BoundedProperty>,
    pub(super) exit: Option<BTreeMap<String, Quantity>>,
    pub(super) checker: Option<CheckerProperty>,
}

#[derive(Deserialize)]
pub(super) struct ExpressionProperty {
    pub(super) name: Option<String>,
    pub(super) expr: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct EventuallyProperty {
    pub(super) name: Option<String>,
    pub(super) expr: Option<String>,
    pub(super) within: Option<Quantity>,
}

#[derive(Deserialize)]
pub(super) struct BoundedProperty {
    pub(super) name: Option<String>,
    pub(super) expr: Option<String>,
    pub(super) max: Option<i64>,
}

#[derive(Deserialize)]
pub(super) struct CheckerProperty {
    pub(super) name: Option<String>,
    pub(super) image: Option<String>,
    #[serde(default)]
    pub(super) command: Vec<String>,
    #[serde(default)]
    pub(super) args: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TestDefaults {
    pub(super) trap: Option<String>,
    pub(super) deadlock: Option<String>,
    pub(super) livelock: Option<Quantity>,
    pub(super) restart_loop: Option<Quantity>,
}

/// A text, or a list of them.
#[derive(Clone, Debug)]
pub(super) enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl<'de> Deserialize<'de> for OneOrMore {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = OneOrMore;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a list of texts")
            }

            fn visit_str<E>(self, text: &str) -> Result<OneOrMore, E> {
                Ok(OneOrMore::One(text.to_owned()))
            }

            fn visit_unit<E>(self) -> Result<OneOrMore, E> {
                Ok(OneOrMore::More(Vec::new()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<OneOrMore, A::Error> {
                let mut texts = Vec::new();
                while let Some(Quantity(text)) = items.next_element()? {
                    texts.push(text);
                }
                Ok(OneOrMore::More(texts))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// `true`, `false` or `maybe`.
#[derive(Clone, Copy, Debug)]
pub(super) struct OneWay(pub(super) Option<bool>);

impl<'de> Deserialize<'de> for OneWay {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Word;
        impl Visitor<'_> for Word {
            type Value = OneWay;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true, false or maybe")
            }

            fn visit_bool<E>(self, value: bool) -> Result<OneWay, E> {
                Ok(OneWay(Some(value)))
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<OneWay, E> {
                match text {
                    "maybe" => Ok(OneWay(None)),
                    _ => Err(E::invalid_value(serde::de::Unexpected::Str(text), &self)),
                }
            }
        }
        deserializer.deserialize_any(Word)
    }
}
