/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Counts of pages that come into the page cache and go from it, by actor (ringtap/counts.h). */
#pragma once

#include <ringtap/counts.h>
#include <ringtap/ring.h>

/* Lines for actors, a power of two. Behind them follows one for those that have none. */
const volatile __u32 page_lines = 4096;
#define ALL_PAGE_LINES (4096 + 1)

struct page_line {
	struct actor_key key; /* its number is 0 */
	__u64 added;	      /* pages */
	__u64 removed;
};

EXPORT_RECORD(page_line);

/* Allocated beforehand: what removes pages does it for want of memory. */
PREALLOCATED_LINES(pages, struct page_line, page_keys, struct actor_key, ALL_PAGE_LINES);

KERNEL_TYPES_BEGIN

/* Only the name of its value matters (include/linux/page-flags.h). */
enum pageflags {
	PG_head,
};

/* Until 6.5. Before 5.18 the argument is a struct page, and none of those here is of several. */
struct folio___order {
	unsigned char _folio_order;
};

/* Since 6.6: ebc1baf5c9b4 ("mm: free up a word in the first tail page"). */
struct folio___flags {
	unsigned long _flags_1; /* the order in its lowest byte (folio_order()) */
};

KERNEL_TYPES_END

/* The pages of a folio, whose first word is its flags. */
static __always_inline __u64 pages_of(void *folio)
{
	struct folio___order *before = folio;
	struct folio___flags *since = folio;
	__u64 flags = word_at(folio);

	if (!(flags >> (bpf_core_enum_value(enum pageflags, PG_head) & 63) & 1))
		return 1;
	if (bpf_core_field_exists(before->_folio_order))
		return 1ull << (READ(before, _folio_order) & 63);
	if (bpf_core_field_exists(since->_flags_1))
		return 1ull << (READ(since, _flags_1) & 63);
	return 1;
}

/* The line of the current task's process; NULL, and counted as map_full, when it has none. */
static __always_inline struct page_line *page_line_of_current(void)
{
	struct actor_key key = {};
	const __u32 words = sizeof(key) / sizeof(__u64);
	struct page_line *line;

	current_actor_key(&key, 0);
	line = find_line(&pages, &page_keys, page_lines, &key.process.pair, words);
	if (line)
		return line;
	key = (struct actor_key){ .process = process_key(OTHER_TGID, 0, 0) };
	line = line_at(&pages, &page_keys, page_lines, &key.process.pair, words);
	if (!line)
		count_map_full();
	return line;
}
