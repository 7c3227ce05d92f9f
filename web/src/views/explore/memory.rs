//! The memory of one executor as a picture: what Spark divides it into.

use sparkwright_core::facts::ClusterFacts;
use sparkwright_core::launch::PlanLaunchAnswer;
use sparkwright_core::memory::{Heap, RESERVED};
use sparkwright_core::units::Bytes;
use yew::prelude::*;

/// Properties of [`MemoryPicture`].
#[derive(Properties, PartialEq)]
pub struct MemoryProperties {
    /// The plan.
    pub plan: PlanLaunchAnswer,
}

/// The parts of an executor's memory, from the reserve up.
fn parts(plan: &PlanLaunchAnswer) -> Vec<(&'static str, &'static str, Bytes, &'static str)> {
    let heap = plan.executor_memory_bytes.value;
    let divided = Heap::new(heap, &ClusterFacts::default());
    let (unified, storage) = (divided.unified().get(), divided.protected_storage().get());
    let user = heap.get().saturating_sub(RESERVED.get()).saturating_sub(unified);
    vec![
        ("reserved", "Reserved", RESERVED, "what Spark keeps for itself"),
        ("user", "User", Bytes(user), "objects of the program's own"),
        ("storage", "Storage", Bytes(storage), "cached data that execution can't take back"),
        (
            "execution",
            "Execution",
            Bytes(unified.saturating_sub(storage)),
            "sorts, joins and aggregates; may take free storage too",
        ),
        ("overhead", "Overhead", plan.executor_overhead_bytes.value, "threads, off-heap buffers, Python"),
    ]
}

/// The picture, with its figures in a list below.
#[component]
pub fn MemoryPicture(properties: &MemoryProperties) -> Html {
    let plan = &properties.plan;
    let parts = parts(plan);
    let total: u64 = parts.iter().map(|(_, _, bytes, _)| bytes.get()).sum::<u64>().max(1);
    let mut x = 0.0;
    let bars: Vec<Html> = parts
        .iter()
        .map(|(class, name, bytes, _)| {
            let width = bytes.get() as f64 / total as f64 * 1000.0;
            let left = x;
            x += width;
            html! { <rect class={*class} x={format!("{left:.2}")} y="0" width={format!("{width:.2}")} height="48"><title>{ format!("{name}: {bytes}") }</title></rect> }
        })
        .collect();
    let cores = plan.executor_cores.value;
    let each = Heap::new(plan.executor_memory_bytes.value, &ClusterFacts::default()).execution_per_core(cores);
    let legend = parts.iter().map(|(class, name, bytes, meaning)| {
        html! { <li><span class={classes!("swatch", *class)} aria-hidden="true"></span><strong>{ *name }</strong>{" "}<span class="figure">{ bytes.to_string() }</span>{" "}<span class="muted">{ *meaning }</span></li> }
    });
    html! {
        <section class="memory" aria-label="Memory of one executor">
            <h2>{ format!("Memory of one executor: {} in all", Bytes(total)) }</h2>
            <svg viewBox="0 0 1000 48" preserveAspectRatio="none" role="img" aria-label="Parts of the memory, in proportion">{ for bars }</svg>
            <ul class="legend">{ for legend }</ul>
            <p class="muted">{ format!("Each of its {cores} tasks at a time has {each} of storage and execution memory together.") }</p>
        </section>
    }
}
