/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the stress program share: one round's world, which all its threads use at once. */
#ifndef STRESS_H
#define STRESS_H

#include "harness.h"
#include "ioctl_errors.h"
#include "arch/arch.h"

#define MAX_THREADS	16
#define MAX_VMS		3
#define MAX_VCPUS	4	/* of each VM */
#define NR_FDS		48
#define ARENA_PAGES	1024
#define SCRATCH		(1 << 16)
#define MAX_SLOT	(1ULL << 32)	/* of those that are not refused */

/* An fd that anybody may use, replace or close; the number may be a stranger's by then. */
struct shared_fd {
	_Atomic int fd;
	_Atomic enum scope scope;
};

struct counts {
	_Atomic unsigned long calls, succeeded, runs, exits, done, rounds, killed;
};

struct world {
	struct vm *vms[MAX_VMS];
	struct vcpu *vcpus[MAX_VMS * MAX_VCPUS];
	unsigned int nr_vms, nr_vcpus, nr_threads;
	struct shared_fd fds[NR_FDS];
	uint8_t *arena;		/* ARENA_PAGES of user memory below the slots, remapped all the time */
	_Atomic int stop;
	_Atomic pthread_t threads[MAX_THREADS];
};

/* One thread: its random numbers depend on the seed, the round and its number, and on nothing else. */
struct worker {
	struct world *world;
	unsigned int number;
	uint64_t random;
	uint8_t *scratch;	/* SCRATCH bytes, then a guard page */
	uint64_t *bitmap;	/* a bit for each page of the largest slot */
	struct {
		unsigned int size;
		uint8_t data[4096];
	} seen[8];		/* what calls gave back, to be changed a little and set */
};

extern struct counts *counts;

uint64_t random64(struct worker *w);
static inline uint64_t below(struct worker *w, uint64_t n) { return random64(w) % n; }
static inline bool one_in(struct worker *w, unsigned int n) { return !below(w, n); }
/* A number of which the odd ones are as likely as the usual. */
uint64_t odd_number(struct worker *w);

/* calls.c: one random call, one turn of a guest; whatever they return is right. */
void random_call(struct worker *w);
void random_run(struct worker *w);
void scribble(struct worker *w);
void fork_and_use(struct worker *w);
void publish(struct worker *w, int fd, enum scope scope);

/* memory.c: slots, and what is below them. */
void random_slot(struct worker *w);
void random_mapping(struct worker *w);
void random_log(struct worker *w);

#endif
