//! A log says the same whatever the order of the members in its lines: Spark has one, and who rewrites a log, as our own redaction does, another.

#![allow(clippy::unwrap_used, clippy::panic)]

use serde_json::Value;
use sparkwright_replay::events::Event;

/// A task's end as Spark 4 writes it, with lists at the end of several of its objects.
const TASK_END: &str = r#"{"Event":"SparkListenerTaskEnd","Stage ID":3,"Stage Attempt ID":0,"Task Type":"ShuffleMapTask","Task End Reason":{"Reason":"Success"},"Task Info":{"Task ID":7,"Index":2,"Attempt":0,"Launch Time":1000,"Executor ID":"1","Host":"h","Locality":"ANY","Speculative":false,"Getting Result Time":0,"Finish Time":1700,"Failed":false,"Killed":false,"Accumulables":[{"ID":1,"Name":"a ]},\"Task Metrics\":{ b","Update":"3","Value":[]},{"ID":2,"Update":[{"Block ID":"rdd_1_1","Status":{"Sizes":[1]}}]}]},"Task Executor Metrics":{"JVMHeapMemory":1},"Task Metrics":{"Executor Run Time":600,"JVM GC Time":5,"Shuffle Write Metrics":{"Shuffle Bytes Written":512},"Updated Blocks":[]}}"#;

#[test]
fn a_task_s_end_is_the_same_in_any_order_of_its_members() {
    let spark_s = Event::read(TASK_END.as_bytes()).unwrap();
    let Event::TaskEnd(end) = &spark_s else { panic!("{spark_s:?}") };
    let metrics = end.metrics.clone().unwrap();
    assert_eq!((end.info.launch_ms, end.info.finish_ms, metrics.run_ms), (1000, 1700, 600));
    // A map of serde_json's is sorted.
    let sorted = serde_json::from_str::<Value>(TASK_END).unwrap().to_string();
    assert_ne!(sorted, TASK_END);
    assert_eq!(Event::read(sorted.as_bytes()).unwrap(), spark_s);
    let reversed = reversed(&serde_json::from_str(TASK_END).unwrap());
    assert_eq!(Event::read(reversed.as_bytes()).unwrap(), spark_s);
}

/// The same with the members of every object in the opposite order.
fn reversed(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let members =
                members.iter().rev().map(|(name, it)| format!("{}:{}", Value::from(name.as_str()), reversed(it)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(reversed).collect::<Vec<_>>().join(",")),
        other => other.to_string(),
    }
}
