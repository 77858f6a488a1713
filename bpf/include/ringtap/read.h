/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Reads kernel memory: READ() for members of structs, word_at() and read_string() for what has no
 * type. All of them give 0 for what cannot be read.
 *
 * Since Linux 6.2, bpf_rdonly_cast() makes of any address a pointer of which the verifier knows the
 * type, so that plain loads read it; the verifier makes a move of the call. That is cheaper than
 * bpf_probe_read_kernel(), and allowed where lockdown=confidentiality forbids that helper. Earlier
 * kernels use the helper.
 */
#pragma once

#include <linux/bpf.h>
#include <stdbool.h>

#include <bpf/bpf_helpers.h>

#include <bpf/bpf_core_read.h>

/* Does the kernel forbid the helpers that read its memory? The loader sets it. */
const volatile bool kernel_reads_forbidden = false;

/*
 * What the loader replaces where the kernel has bpf_rdonly_cast() (native/object_file.cc): this
 * constant by 1, and a call of the helper of this number, which no kernel has, by one of that
 * function.
 *
 * As an extern function, which libbpf resolves, no program would load on Linux 5.13 to 5.15, even
 * if it never calls it (add_kfunc_call(), kernel/bpf/verifier.c).
 */
#define CASTS_PLACEHOLDER 0x72646f63

static void *(*const rdonly_cast)(const void *address, __u64 type) = (void *)CASTS_PLACEHOLDER;

/* Not volatile: a program asks once, and the verifier walks fewer branches. */
static __always_inline bool has_casts(void)
{
	__u64 constant;

	asm("%0 = %1" : "=r"(constant) : "i"(CASTS_PLACEHOLDER));
	return constant == 1;
}

/* The same address as a pointer that the verifier knows the type of; only with has_casts(). */
#define TYPED(pointer) \
	((typeof(pointer))rdonly_cast(pointer, bpf_core_type_id_kernel(typeof(*(pointer)))))

/* READ(task, signal, flags) is task->signal->flags, whatever the verifier knows of `task`. */
#define READ(pointer, ...) \
	(has_casts() ? ___arrow(TYPED(pointer), __VA_ARGS__) : BPF_CORE_READ(pointer, __VA_ARGS__))

/* The same of a bit field. */
#define READ_BITFIELD(pointer, field)                                  \
	(has_casts() ? BPF_CORE_READ_BITFIELD(TYPED(pointer), field) : \
		       BPF_CORE_READ_BITFIELD_PROBED(pointer, field))

/* A struct that begins with 8 bytes of a number, on all kernels: include/linux/time64.h. */
struct timespec64 {
	__s64 tv_sec;
};

/* The 8 bytes at an address. */
static __always_inline __u64 word_at(const void *address)
{
	__u64 word = 0;

	if (has_casts())
		return *(const __u64 *)TYPED((const struct timespec64 *)address);
	bpf_probe_read_kernel(&word, sizeof(word), address);
	return word;
}

/* The byte at an address. */
static __always_inline __u8 byte_at(const void *address)
{
	__u8 byte = 0;

	if (has_casts())
		return *(const __u8 *)TYPED((const struct timespec64 *)address);
	bpf_probe_read_kernel(&byte, sizeof(byte), address);
	return byte;
}

/*
 * A pointer as a plain number: the verifier allows no arithmetic on what it knows to be a kernel
 * pointer, and takes the negative of one for a number that it knows nothing of.
 */
static __always_inline __u64 address_of(const void *pointer)
{
	asm volatile("%0 = -%0" : "+r"(pointer));
	asm volatile("%0 = -%0" : "+r"(pointer));
	return (__u64)pointer;
}

/* What two pointers are apart, as a number that the verifier knows nothing of: 0 for the same. */
static __always_inline __u64 distance_of(const void *from, const void *to)
{
	asm volatile("%0 -= %1" : "+r"(from) : "r"(to));
	return (__u64)from;
}

/* A number as the verifier knows nothing of it: so it need not walk what follows once more. */
static __always_inline __u64 unknown(__u64 number)
{
	__u64 any = address_of(&number);

	asm volatile("%0 ^= %1; %0 ^= %1" : "+r"(number) : "r"(any));
	return number;
}

/* The lowest bit set is 0x80 of the first byte of a word that is 0; 0 when none is. */
static __always_inline __u64 zero_bytes(__u64 word)
{
	return (word - 0x0101010101010101ull) & ~word & 0x8080808080808080ull;
}

/*
 * Copies a string to `size` bytes, a constant multiple of 8 at an address that is one. What is too
 * long with its end is cut; true when that may be so: it is unless the byte at size - 1 is 0.
 */
static __always_inline bool read_string(void *to, __u32 size, const void *from)
{
	__u64 address = address_of(from), *words = to, word, ends;

	if (!has_casts() || !kernel_reads_forbidden)
		return bpf_probe_read_kernel_str(to, size, from) == size;
	for (__u32 n = 0; n < size / 8; n++) {
		word = word_at((void *)address + n * 8);
		ends = zero_bytes(word);
		if (ends) {
			/* What is behind the first one is not the string's. */
			words[n] = word & (((ends & -ends) >> 7) - 1);
			return false;
		}
		words[n] = word;
	}
	((char *)to)[size - 1] = 0;
	return true;
}
