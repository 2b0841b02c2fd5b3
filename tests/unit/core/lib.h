/* SPDX-License-Identifier: GPL-2.0-only */
/* What the unit tests of the core share: a table of tests, VMs of the toy machine, its programs. */
#ifndef BERTH_CORE_LIB_H
#define BERTH_CORE_LIB_H

#include <host/host.h>
#include <berth/backend.h>
#include <toy.h>

struct test {
	const char *name;
	void (*func)(void);
};

#define TEST(f)	{ #f, f }

/* Loads the module, runs them (or the one BERTH_TEST names), holds each to leaving nothing, unloads. */
int run_tests(const struct test *tests, unsigned int nr);
#define RUN_TESTS(t)	run_tests(t, ARRAY_SIZE(t))

/* Counts an assertion of the current test, of any thread; says why when it does not hold. */
bool test_check(bool ok, const char *fmt, ...) __printf(2, 3);
#define CHECK(c)	test_check(c, "%s:%d: %s", __FILE__, __LINE__, #c)
#define CHECK_EQ(seen, expected) ({						\
	long long _s = (seen), _e = (expected);					\
	test_check(_s == _e, "%s:%d: %s is %lld (0x%llx), not %lld (0x%llx)",	\
		   __FILE__, __LINE__, #seen, _s, _s, _e, _e); })

/* A seed for random tests: BERTH_SEED, or the clock's; it is printed. */
unsigned long long test_seed(void);
u64 rnd(unsigned long long *state, u64 below);

#define MAX_TEST_VCPUS	4
#define RAM_PAGES	512UL		/* at guest-physical 0 */
#define CODE		0x1000UL	/* where programs are */

struct machine {
	int kvm, vm;
	unsigned int nr_vcpus;
	int vcpu[MAX_TEST_VCPUS];
	struct kvm_run *run[MAX_TEST_VCPUS];
	unsigned long ram;		/* user address */
};

/* A VM of @type with RAM in slot 0 and @nr_vcpus; what fails is a bug of the test. */
void machine_make(struct machine *m, unsigned long type, unsigned int nr_vcpus);
/* The vCPUs later, where something else comes first. */
void machine_vcpus(struct machine *m, unsigned int nr_vcpus);
void machine_free(struct machine *m);
long machine_slot(struct machine *m, u32 slot, u64 gpa, u64 npages, unsigned long hva, u32 flags);

/* A program at @gpa in RAM. */
void machine_load(struct machine *m, u64 gpa, const u64 *insns, unsigned int nr);
#define PROGRAM(m, gpa, ...) do {					\
	const u64 _p[] = { __VA_ARGS__ };				\
	machine_load(m, gpa, _p, ARRAY_SIZE(_p)); } while (0)

void reg_set(struct machine *m, unsigned int vcpu, unsigned int reg, u64 value);
u64 reg_get(struct machine *m, unsigned int vcpu, unsigned int reg);
long run_vcpu(struct machine *m, unsigned int vcpu);
/* Runs from @pc; the exit's reason, or a negative error number. */
long run_at(struct machine *m, unsigned int vcpu, u64 pc);
u64 ram_read(struct machine *m, u64 gpa);
void ram_write(struct machine *m, u64 gpa, u64 value);

/* A counter of a VM's or vCPU's statistics. */
u64 stat_of(int fd, const char *name);

/* Instructions. */
#define I_ADD(a, b, c, imm)	TOY_INSN(TOY_ADD, a, b, c, imm)
#define I_SET(a, imm)		TOY_INSN(TOY_ADD, a, 0, 0, imm)
#define I_HIGH(a, b, imm)	TOY_INSN(TOY_HIGH, a, b, 0, imm)
#define I_LOAD(a, b, size, imm)	TOY_INSN(TOY_LOAD, a, b, size, imm)
#define I_STORE(a, b, size, imm) TOY_INSN(TOY_STORE, a, b, size, imm)
#define I_SWAP(a, b, imm)	TOY_INSN(TOY_SWAP, a, b, 0, imm)
#define I_BNE(a, b, imm)	TOY_INSN(TOY_BNE, a, b, 0, imm)
#define I_IN(a, size, port)	TOY_INSN(TOY_IN, a, 0, size, port)
#define I_OUT(a, size, port)	TOY_INSN(TOY_OUT, a, 0, size, port)
#define I_CALL(nr)		TOY_INSN(TOY_CALL, 0, 0, 0, nr)
#define I_HALT			TOY_INSN(TOY_HALT, 0, 0, 0, 0)
#define I_INTS(on)		TOY_INSN(TOY_INTS, 0, 0, 0, on)
#define I_DONE(pin)		TOY_INSN(TOY_DONE, 0, 0, 0, pin)
#define I_RETURN		TOY_INSN(TOY_RETURN, 0, 0, 0, 0)

#endif
