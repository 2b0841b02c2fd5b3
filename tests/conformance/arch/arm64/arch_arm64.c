// SPDX-License-Identifier: GPL-2.0-only
/* arm64: guest memory, page tables and registers. See arch_arm64.h for the memory map. */
#include "arch_arm64.h"

/* Stage 1 descriptors of the 4K granule, Arm ARM D8.3. */
#define PTE_TABLE	3ULL
#define PTE_BLOCK	1ULL
#define PTE_AF		(1ULL << 10)
#define PTE_INNER	(3ULL << 8)
#define PTE_NORMAL	(PTE_BLOCK | PTE_AF | PTE_INNER)	/* attribute 0 of MAIR_EL1 */
#define SIZE_2M		0x200000ULL

#define MAIR_NORMAL	0xffULL		/* write back, allocating */
/* 39 bits of address in TTBR0, walks write back and inner shareable, none in TTBR1, 40 bits of output. */
#define TCR_T0SZ_39	25ULL
#define TCR_WALKS	(1ULL << 8 | 1ULL << 10 | 3ULL << 12)
#define TCR_EPD1	(1ULL << 23)
#define TCR_T1SZ_39	(25ULL << 16)
#define TCR_IPS_40	(2ULL << 32)
#define SCTLR_ON	(1ULL << 0 | 1ULL << 2 | 1ULL << 12)	/* MMU, data and instruction caches */
#define SCTLR_RES1	0x30d00800ULL
#define CPACR_FPEN	(3ULL << 20)

#define IPA_BITS	40	/* of a VM of type 0 */

extern const unsigned char __start_guest_code[], __stop_guest_code[];
extern const unsigned char routine_nop[], routine_load[], routine_store[], routine_fill[], routine_sum[], routine_spin[],
	routine_beat[], routine_copy[], guest_vectors[];

static const unsigned char *const routines[GUEST_ROUTINES] = {
	[GUEST_NOP] = routine_nop,
	[GUEST_LOAD] = routine_load,
	[GUEST_STORE] = routine_store,
	[GUEST_FILL] = routine_fill,
	[GUEST_SUM] = routine_sum,
	[GUEST_SPIN] = routine_spin,
	[GUEST_BEAT] = routine_beat,
	[GUEST_COPY] = routine_copy,
};

const char arch_name[] = "arm64";
const uint64_t arch_code_gpa;
const uint64_t arch_code_size = CODE_SIZE;
const int arch_unknown_vm_ioctl = -EINVAL, arch_unknown_vcpu_ioctl = -EINVAL, arch_slot_too_high = -EFAULT;
const uint64_t arch_slot_unit = 1, arch_kernel_address = 0xffff800000000000;
const bool arch_has_mmio = true, arch_takes_hugetlb = true;

uint64_t *code_word(struct vm *vm, uint64_t gpa)
{
	return (uint64_t *)((uint8_t *)vm->code + gpa);
}

uint64_t arm_gpa(const unsigned char *code)
{
	return BLOB_GPA + (code - __start_guest_code);
}

void arch_vm_init(struct vm *vm)
{
	uint64_t *l1 = code_word(vm, L1_GPA), *l2 = code_word(vm, L2_GPA);
	size_t blob = __stop_guest_code - __start_guest_code;

	expect(BLOB_GPA + blob <= L1_GPA);
	memcpy((uint8_t *)vm->code + BLOB_GPA, __start_guest_code, blob);
	for (unsigned int i = 0; i < 4; i++)
		l1[i] = (L2_GPA + i * 0x1000) | PTE_TABLE;
	l1[4] = WINDOW_L2_GPA | PTE_TABLE;
	for (unsigned int i = 0; i < 2048; i++)
		l2[i] = i * SIZE_2M | PTE_NORMAL;
}

uint64_t arch_window(struct vm *vm, uint64_t gpa)
{
	uint64_t entry = (gpa & ~(SIZE_2M - 1)) | PTE_NORMAL;
	uint64_t *l2 = code_word(vm, WINDOW_L2_GPA);
	unsigned int i;

	for (i = 0; i < 512; i++) {
		if (l2[i] == entry)
			break;
		if (!l2[i]) {
			l2[i] = entry;
			break;
		}
	}
	expect(i < 512);
	return WINDOW_GVA + i * SIZE_2M + (gpa & (SIZE_2M - 1));
}

uint64_t arch_gpa_limit(void)
{
	return 1ULL << IPA_BITS;
}

uint64_t get_reg(struct vcpu *vcpu, uint64_t id)
{
	uint64_t value = 0;
	int r = get_one_reg(vcpu, id, &value);

	if (r)
		fail_test("KVM_GET_ONE_REG of %#llx: expected 0, seen %d", (unsigned long long)id, r);
	return value;
}

void set_reg(struct vcpu *vcpu, uint64_t id, uint64_t value)
{
	int r = set_one_reg(vcpu, id, &value);

	if (r)
		fail_test("KVM_SET_ONE_REG of %#llx to %#llx: expected 0, seen %d", (unsigned long long)id,
			  (unsigned long long)value, r);
}

struct kvm_reg_list *reg_list(struct vcpu *vcpu)
{
	struct kvm_reg_list probe = { .n = 0 }, *list;

	expect_ret(kvm_ioctl(vcpu->fd, KVM_GET_REG_LIST, &probe), -E2BIG);
	list = calloc(1, sizeof(*list) + probe.n * sizeof(list->reg[0]));
	list->n = probe.n;
	expect_ret(kvm_ioctl(vcpu->fd, KVM_GET_REG_LIST, list), 0);
	expect_eq(list->n, probe.n);
	return list;
}

bool has_reg(const struct kvm_reg_list *list, uint64_t id)
{
	for (uint64_t i = 0; i < list->n; i++) {
		if (list->reg[i] == id)
			return true;
	}
	return false;
}

struct kvm_vcpu_init arm_target(struct vm *vm)
{
	struct kvm_vcpu_init init;

	memset(&init, 0, sizeof(init));
	expect_ok(kvm_ioctl(vm->fd, KVM_ARM_PREFERRED_TARGET, &init));
	init.features[0] |= 1 << KVM_ARM_VCPU_PSCI_0_2;
	return init;
}

int arm_init(struct vcpu *vcpu, const struct kvm_vcpu_init *init)
{
	return kvm_ioctl(vcpu->fd, KVM_ARM_VCPU_INIT, init);
}

void arm_setup(struct vcpu *vcpu)
{
	set_reg(vcpu, MAIR_EL1, MAIR_NORMAL);
	set_reg(vcpu, TCR_EL1, TCR_T0SZ_39 | TCR_T1SZ_39 | TCR_WALKS | TCR_EPD1 | TCR_IPS_40);
	set_reg(vcpu, TTBR0_EL1, L1_GPA);
	set_reg(vcpu, VBAR_EL1, arm_gpa(guest_vectors));
	set_reg(vcpu, CPACR_EL1, CPACR_FPEN);
	set_reg(vcpu, SCTLR_EL1, SCTLR_RES1 | SCTLR_ON);
}

void arch_vcpu_init(struct vcpu *vcpu)
{
	struct kvm_vcpu_init init = arm_target(vcpu->vm);

	expect_ok(arm_init(vcpu, &init));
	arm_setup(vcpu);
}

void arm_complete(struct vcpu *vcpu)
{
	vcpu->run->immediate_exit = 1;
	vcpu_run(vcpu);
	vcpu->run->immediate_exit = 0;
}

void arm_start(struct vcpu *vcpu, const unsigned char *code, uint64_t a, uint64_t b, uint64_t c)
{
	/* An access that waits for user space would else be completed after the next instruction is chosen here. */
	if (vcpu->run->exit_reason == KVM_EXIT_MMIO)
		arm_complete(vcpu);
	set_reg(vcpu, CORE(regs.pc), arm_gpa(code));
	set_reg(vcpu, CORE(regs.pstate), PSTATE_EL1H | (interruptible ? PSTATE_DAIF & ~PSTATE_I : PSTATE_DAIF));
	set_reg(vcpu, CORE(sp_el1), STACK_GPA - (vcpu->id & 15) * 0x1000);
	set_reg(vcpu, XREG(0), a);
	set_reg(vcpu, XREG(1), b);
	set_reg(vcpu, XREG(2), c);
}

uint64_t arm_call(struct vcpu *vcpu, const unsigned char *code, uint64_t a, uint64_t b, uint64_t c)
{
	arm_start(vcpu, code, a, b, c);
	run_done(vcpu);
	return arch_result(vcpu);
}

void arch_start(struct vcpu *vcpu, enum guest_routine routine, uint64_t a, uint64_t b, uint64_t c)
{
	arm_start(vcpu, routines[routine], a, b, c);
}

static bool is_store(struct vcpu *vcpu, uint64_t gpa)
{
	struct kvm_run *run = vcpu->run;

	return run->exit_reason == KVM_EXIT_MMIO && run->mmio.is_write && run->mmio.phys_addr == gpa;
}

bool arch_is_done(struct vcpu *vcpu)
{
	return is_store(vcpu, DONE_GPA);
}

uint64_t arch_result(struct vcpu *vcpu)
{
	return get_reg(vcpu, XREG(0));
}

struct arm_trap *arm_trap(struct vcpu *vcpu)
{
	return (struct arm_trap *)code_word(vcpu->vm, TRAP_GPA + (vcpu->id & 3) * 0x1000);
}

struct arm_trap *run_trap(struct vcpu *vcpu, enum arm_vector vector)
{
	struct arm_trap *trap = arm_trap(vcpu);

	run_until(vcpu, KVM_EXIT_MMIO);
	if (!is_store(vcpu, TRAPPED_GPA))
		fail_test("expected a trap, seen MMIO %s at %#llx", vcpu->run->mmio.is_write ? "store" : "load",
			  (unsigned long long)vcpu->run->mmio.phys_addr);
	expect_eq(trap->vector, vector);
	return trap;
}

struct arm_trap *run_sync(struct vcpu *vcpu, unsigned int ec)
{
	struct arm_trap *trap = run_trap(vcpu, VECTOR_SYNC);

	expect_eq(trap->esr >> 26 & 0x3f, ec);
	return trap;
}

void arch_describe(struct vcpu *vcpu, char *buf, size_t len)
{
	uint64_t pc = 0, pstate = 0, x0 = 0;

	if (vcpu->vm->code && is_store(vcpu, TRAPPED_GPA)) {
		struct arm_trap *trap = arm_trap(vcpu);

		snprintf(buf, len, "guest trap: vector %llu esr %#llx elr %#llx far %#llx",
			 (unsigned long long)trap->vector, (unsigned long long)trap->esr,
			 (unsigned long long)trap->elr, (unsigned long long)trap->far);
		return;
	}
	get_one_reg(vcpu, CORE(regs.pc), &pc);
	get_one_reg(vcpu, CORE(regs.pstate), &pstate);
	get_one_reg(vcpu, XREG(0), &x0);
	snprintf(buf, len, "pc %#llx pstate %#llx x0 %#llx", (unsigned long long)pc, (unsigned long long)pstate,
		 (unsigned long long)x0);
}

bool arch_is_nothing(struct vcpu *vcpu)
{
	(void)vcpu;
	return false;
}
