// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * memory: processes that are killed because memory is out, a record each; how long tasks free
 * memory themselves before they get any, counted; and, read at the scrape, what the kernel counts
 * of control groups. None of their hooks is passed while there is memory enough. Those of the page
 * cache are, and their programs are left out unless they are asked for.
 */
#include <ringtap/core.h>
#include <ringtap/iter.h>
#include <ringtap/ring.h>
#include <ringtap/task.h>

#include "groups.h"
#include "page_cache.h"
#include "stalls.h"

#define SIGKILL 9

/* Processes that have been killed, and may not have ended. */
#define KILLED_MAX 1024

/* Are stalls counted? In `ringtap trace`, no one reads counts. */
const volatile bool counting = true;

/* Which stalls have a record. Userspace changes it while programs run. */
volatile bool stalls_wanted;
volatile __u64 min_stall_ns;

enum memory_event_kind {
	MEMORY_EVENT_OOM_KILL,
	MEMORY_EVENT_STALL,
};

enum oom_scope {
	OOM_SCOPE_MACHINE,
	OOM_SCOPE_GROUP,
};

struct memory_event {
	__u64 time;	    /* CLOCK_MONOTONIC, ns */
	struct actor actor; /* the victim, or the one that had to free memory */
	enum memory_event_kind kind;
	enum oom_scope scope;	/* kill: see limit_of_kill() */
	enum stall_kind stall;	/* stall */
	__s32 score_adjustment; /* kill: oom_score_adj */
	__u64 duration;		/* stall, ns */
	__u64 resident;		/* kill: pages of the victim; roughly, since 6.2 */
	__u64 limit;		/* kill: pages that its group may have; 0: scope is the machine */
	__u32 trigger_tid;	/* kill: of the task that wanted memory */
	__u32 reserved;
	char trigger_comm[COMM_LEN];
};

EXPORT_RECORD(memory_event);

KERNEL_TYPES_BEGIN

struct signal_struct___oom {
	int group_exit_code;
	short oom_score_adj;
};

struct mm_rss_stat {
	atomic_long_t
		count[3]; /* MM_FILEPAGES, MM_ANONPAGES, and before MM_SHMEMPAGES MM_SWAPENTS */
};

struct percpu_counter {
	__s64 count;
};

/* Until 6.1. */
struct mm_struct___rss_stat {
	struct mm_rss_stat rss_stat;
};

/* Since 6.2: f1a7941243c1 ("mm: convert mm's rss stats into percpu_counter"). */
struct mm_struct___percpu {
	struct percpu_counter rss_stat[4];
};

struct task_struct___mm {
	struct mm_struct___percpu *mm;
};

KERNEL_TYPES_END

/* tgid → start of those whose kill has been reported. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, KILLED_MAX);
	__type(key, __u32);
	__type(value, __u64);
} killed SEC(".maps");

/*
 * The last kill: the task that wanted memory, and the limit. The kernel's oom_lock is held for
 * each.
 */
static __u32 last_trigger_tid;
static __u64 last_limit;

/*
 * The limit for which a process is killed; 0: the machine is out of memory. The first processes of
 * a group that is killed as one may have given their memory back by the time that the others are
 * killed, by the same task, in a loop: those go for the limit that the first ones went for.
 */
static __always_inline __u64 limit_of_kill(struct task_struct *victim, __u32 trigger_tid)
{
	bool as_one;
	__u64 limit = limit_reached(victim, &as_one);

	if (!limit && as_one && last_trigger_tid == trigger_tid)
		limit = last_limit;
	last_trigger_tid = trigger_tid;
	last_limit = limit;
	return limit;
}

/* Pages that a process has in memory, file and anonymous. */
static __always_inline __u64 resident_pages(struct task_struct *task)
{
	struct mm_struct___percpu *since = READ((struct task_struct___mm *)task, mm);
	struct mm_struct___rss_stat *before = (void *)since;
	__s64 pages;

	if (bpf_core_field_exists(before->rss_stat.count))
		pages = READ(before, rss_stat.count[0].counter) +
			READ(before, rss_stat.count[1].counter);
	else
		pages = READ(since, rss_stat[0].count) + READ(since, rss_stat[1].count);
	return pages > 0 ? pages : 0;
}

static __always_inline struct memory_event *begin(struct task_struct *task, __u32 kind)
{
	struct memory_event *event = reserve(sizeof(*event));

	if (!event)
		return NULL;
	event->time = bpf_ktime_get_ns();
	actor_of(&event->actor, task);
	event->kind = kind;
	event->scope = OOM_SCOPE_MACHINE;
	event->stall = STALL_DIRECT;
	event->score_adjustment = 0;
	event->duration = 0;
	event->resident = 0;
	event->limit = 0;
	event->trigger_tid = 0;
	event->reserved = 0;
	__builtin_memset(event->trigger_comm, 0, sizeof(event->trigger_comm));
	return event;
}

/*
 * Fires in mark_oom_victim() (mm/oom_kill.c), for a thread that is to have the last reserves: after
 * __oom_kill_process() has sent SIGKILL to its process, and without that for one that is about to
 * exit by itself. (Before the task was its argument it was a pid; stable kernels have that change
 * from 5.10.211 on: 72ba14deb40a, "mm: Update mark_victim tracepoints fields".)
 */
SEC("tp_btf/mark_victim")
int BPF_PROG(memory_kill, struct task_struct *victim)
{
	struct signal_struct___oom *signal = (void *)READ(victim, signal);
	__u64 start = READ(victim, group_leader, start_time);
	struct task_struct *current = current_task();
	struct memory_event *event;
	__u32 tgid = victim->tgid;
	__u64 *reported;

	if (READ(signal, group_exit_code) != SIGKILL)
		return 0;
	reported = bpf_map_lookup_elem(&killed, &tgid);
	if (reported && *reported == start)
		return 0;
	bpf_map_update_elem(&killed, &tgid, &start, BPF_ANY);
	event = begin(victim, MEMORY_EVENT_OOM_KILL);
	if (!event)
		return 0;
	event->trigger_tid = READ(current, pid);
	event->limit = limit_of_kill(victim, event->trigger_tid);
	event->scope = event->limit ? OOM_SCOPE_GROUP : OOM_SCOPE_MACHINE;
	event->resident = resident_pages(victim);
	event->score_adjustment = (__s16)READ(signal, oom_score_adj);
	read_comm(event->trigger_comm, current);
	submit(event);
	return 0;
}

static __always_inline int begin_stall(void)
{
	__u64 key = address_of(current_task()), now = bpf_ktime_get_ns();

	update_or_count(&under_way, &key, &now, BPF_ANY);
	return 0;
}

static __always_inline int end_stall(__u32 kind)
{
	__u64 key = address_of(current_task()), duration;
	__u64 *start = bpf_map_lookup_elem(&under_way, &key);
	struct memory_event *event;
	bool has_record;

	if (!start)
		return 0;
	duration = bpf_ktime_get_ns() - *start;
	bpf_map_delete_elem(&under_way, &key);
	has_record = stalls_wanted && duration >= min_stall_ns;
	if (counting && !count(kind, duration, has_record) && !has_record)
		count_map_full();
	if (!has_record)
		return 0;
	event = begin(current_task(), MEMORY_EVENT_STALL);
	if (!event)
		return 0;
	event->stall = kind;
	event->duration = duration;
	submit(event);
	return 0;
}

/* These four fire in try_to_free_pages() and try_to_free_mem_cgroup_pages() (mm/vmscan.c). */
SEC("tp_btf/mm_vmscan_direct_reclaim_begin")
int BPF_PROG(memory_direct_begin)
{
	return begin_stall();
}

SEC("tp_btf/mm_vmscan_direct_reclaim_end")
int BPF_PROG(memory_direct_end)
{
	return end_stall(STALL_DIRECT);
}

SEC("tp_btf/mm_vmscan_memcg_reclaim_begin")
int BPF_PROG(memory_memcg_begin)
{
	return begin_stall();
}

SEC("tp_btf/mm_vmscan_memcg_reclaim_end")
int BPF_PROG(memory_memcg_end)
{
	return end_stall(STALL_MEMCG);
}

/*
 * Fires in __filemap_add_folio() (mm/filemap.c), at each addition: by a read or a write of what is
 * not there, or what is read ahead of these. The kernel has no tracepoint where a page is found.
 */
SEC("tp_btf/mm_filemap_add_to_page_cache")
int BPF_PROG(memory_page_added, void *folio)
{
	struct page_line *line = page_line_of_current();

	if (line)
		__sync_fetch_and_add(&line->added, pages_of(folio));
	return 0;
}

SEC("tp_btf/mm_filemap_delete_from_page_cache")
int BPF_PROG(memory_page_removed, void *folio)
{
	struct page_line *line = page_line_of_current();

	if (line)
		__sync_fetch_and_add(&line->removed, pages_of(folio));
	return 0;
}

/*
 * Writes a record for each control group that a process is in or below, perhaps several times. A
 * process in the group of its parent is left out, since the parent's are written.
 */
SEC("iter/task")
int memory_groups(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct memory_group record;
	struct mem_cgroup *group;

	if (task && piece_ends())
		return 1;
	if (!task || task->pid != task->tgid)
		return 0;
	group = memory_group_of(task);
	if (group == memory_group_of(READ(task, real_parent)))
		return 0;
	/* The root group's are the machine's. */
	for (int level = 0; group && group_above(group) && level < LEVELS; level++) {
		if (describe_group(&record, group, task))
			bpf_seq_write(ctx->meta->seq, &record, sizeof(record));
		if (!is_in_source(READ(group, css.cgroup), task))
			break;
		group = group_above(group);
	}
	return 0;
}

LICENSE;
