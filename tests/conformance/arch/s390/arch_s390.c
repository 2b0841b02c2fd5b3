// SPDX-License-Identifier: GPL-2.0-only
/* s390: guest memory, prefix areas and registers. See arch_s390.h for the memory map. */
#include "arch_s390.h"

extern const unsigned char __start_guest_code[], __stop_guest_code[];
extern const unsigned char routine_nop[], routine_load[], routine_store[], routine_fill[], routine_sum[], routine_spin[],
	routine_beat[], routine_copy[];
extern const unsigned char handle_restart[], handle_external[], handle_svc[], handle_program[], handle_mcheck[],
	handle_io[];

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

static const struct {
	unsigned int new_psw;
	const unsigned char *handler;
} handlers[] = {
	{ LC_RESTART_NEW, handle_restart },
	{ LC_EXT_NEW, handle_external },
	{ LC_SVC_NEW, handle_svc },
	{ LC_PGM_NEW, handle_program },
	{ LC_MCHECK_NEW, handle_mcheck },
	{ LC_IO_NEW, handle_io },
};

const char arch_name[] = "s390";
const uint64_t arch_code_gpa;
const uint64_t arch_code_size = CODE_SIZE;
const uint64_t arch_slot_unit = 1 << 20, arch_kernel_address;
const bool arch_has_mmio = false, arch_takes_hugetlb = false;
const int arch_unknown_vm_ioctl = -ENOTTY, arch_unknown_vcpu_ioctl = -ENOTTY, arch_slot_too_high = -EINVAL;

void *code_at(struct vm *vm, uint64_t gpa)
{
	return (uint8_t *)vm->code + gpa;
}

static uint64_t prefix_of(struct vcpu *vcpu)
{
	return PREFIX_GPA + (vcpu->id & 3) * 0x2000;
}

void *s390_lowcore(struct vcpu *vcpu, unsigned int offset)
{
	return code_at(vcpu->vm, prefix_of(vcpu) + offset);
}

uint16_t lowcore16(struct vcpu *vcpu, unsigned int offset)
{
	return *(volatile uint16_t *)s390_lowcore(vcpu, offset);
}

uint32_t lowcore32(struct vcpu *vcpu, unsigned int offset)
{
	return *(volatile uint32_t *)s390_lowcore(vcpu, offset);
}

uint64_t lowcore64(struct vcpu *vcpu, unsigned int offset)
{
	return *(volatile uint64_t *)s390_lowcore(vcpu, offset);
}

uint64_t s390_gpa(const unsigned char *code)
{
	return BLOB_GPA + (code - __start_guest_code);
}

void arch_vm_init(struct vm *vm)
{
	size_t blob = __stop_guest_code - __start_guest_code;

	expect(BLOB_GPA + blob <= DATA_GPA);
	memcpy(code_at(vm, BLOB_GPA), __start_guest_code, blob);
	for (unsigned int id = 0; id < 4; id++) {
		for (size_t i = 0; i < ARRAY_SIZE(handlers); i++) {
			uint64_t *psw = code_at(vm, PREFIX_GPA + id * 0x2000 + handlers[i].new_psw);

			psw[0] = PSW_64;
			psw[1] = s390_gpa(handlers[i].handler);
		}
	}
}

uint64_t arch_window(struct vm *vm, uint64_t gpa)
{
	(void)vm;
	return gpa;
}

int get_attr(int fd, uint32_t group, uint64_t attr, void *value)
{
	struct kvm_device_attr a = { .group = group, .attr = attr, .addr = (uintptr_t)value };

	return kvm_ioctl(fd, KVM_GET_DEVICE_ATTR, &a);
}

int set_attr(int fd, uint32_t group, uint64_t attr, const void *value)
{
	struct kvm_device_attr a = { .group = group, .attr = attr, .addr = (uintptr_t)value };

	return kvm_ioctl(fd, KVM_SET_DEVICE_ATTR, &a);
}

int has_attr(int fd, uint32_t group, uint64_t attr)
{
	struct kvm_device_attr a = { .group = group, .attr = attr };

	return kvm_ioctl(fd, KVM_HAS_DEVICE_ATTR, &a);
}

bool has_facility(struct vm *vm, unsigned int nr)
{
	struct kvm_s390_vm_cpu_processor proc;

	expect_ret(get_attr(vm->fd, KVM_S390_VM_CPU_MODEL, KVM_S390_VM_CPU_PROCESSOR, &proc), 0);
	return proc.fac_list[nr / 64] >> (63 - nr % 64) & 1;
}

uint64_t arch_gpa_limit(void)
{
	struct vm *vm = vm_new_bare();
	uint64_t limit;

	expect_ret(get_attr(vm->fd, KVM_S390_VM_MEM_CTRL, KVM_S390_VM_MEM_LIMIT_SIZE, &limit), 0);
	close(vm->fd);
	return limit / arch_slot_unit * arch_slot_unit;
}

uint64_t get_gpr(struct vcpu *vcpu, unsigned int n)
{
	struct kvm_regs regs;

	expect_ok(kvm_ioctl(vcpu->fd, KVM_GET_REGS, &regs));
	return regs.gprs[n];
}

void set_gpr(struct vcpu *vcpu, unsigned int n, uint64_t value)
{
	struct kvm_regs regs;

	expect_ok(kvm_ioctl(vcpu->fd, KVM_GET_REGS, &regs));
	regs.gprs[n] = value;
	expect_ok(kvm_ioctl(vcpu->fd, KVM_SET_REGS, &regs));
}

uint64_t get_cr(struct vcpu *vcpu, unsigned int n)
{
	struct kvm_sregs sregs;

	expect_ok(kvm_ioctl(vcpu->fd, KVM_GET_SREGS, &sregs));
	return sregs.crs[n];
}

void set_cr(struct vcpu *vcpu, unsigned int n, uint64_t value)
{
	struct kvm_sregs sregs;

	expect_ok(kvm_ioctl(vcpu->fd, KVM_GET_SREGS, &sregs));
	sregs.crs[n] = value;
	expect_ok(kvm_ioctl(vcpu->fd, KVM_SET_SREGS, &sregs));
}

int mp_state(struct vcpu *vcpu)
{
	struct kvm_mp_state state;

	/* Here the state is the result, and nothing is written. */
	return expect_ok(kvm_ioctl(vcpu->fd, KVM_GET_MP_STATE, &state));
}

void set_mp_state(struct vcpu *vcpu, uint32_t value)
{
	struct kvm_mp_state state = { .mp_state = value };

	expect_ret(kvm_ioctl(vcpu->fd, KVM_SET_MP_STATE, &state), 0);
}

void arch_vcpu_init(struct vcpu *vcpu)
{
	vcpu->run->kvm_valid_regs = 0;
	vcpu->run->s.regs.prefix = prefix_of(vcpu);
	vcpu->run->kvm_dirty_regs = KVM_SYNC_PREFIX;
}

void s390_start(struct vcpu *vcpu, const unsigned char *code, uint64_t a, uint64_t b, uint64_t c)
{
	struct kvm_regs regs = { .gprs = { [2] = a, [3] = b, [4] = c } };

	expect_ok(kvm_ioctl(vcpu->fd, KVM_SET_REGS, &regs));
	vcpu->run->psw_mask = PSW_64 | (interruptible ? PSW_IO | PSW_EXT : 0);
	vcpu->run->psw_addr = s390_gpa(code);
}

uint64_t s390_call(struct vcpu *vcpu, const unsigned char *code, uint64_t a, uint64_t b, uint64_t c)
{
	s390_start(vcpu, code, a, b, c);
	run_done(vcpu);
	return arch_result(vcpu);
}

void arch_start(struct vcpu *vcpu, enum guest_routine routine, uint64_t a, uint64_t b, uint64_t c)
{
	s390_start(vcpu, routines[routine], a, b, c);
}

uint64_t *dat_tables(struct vm *vm)
{
	uint64_t *segments = code_at(vm, SEGMENT_TABLE), *first = code_at(vm, FIRST_PAGES), *second = code_at(vm, SECOND_PAGES);

	for (unsigned int i = 0; i < 2048; i++)
		segments[i] = ENTRY_INVALID;
	segments[0] = FIRST_PAGES;
	segments[1] = SECOND_PAGES;
	for (unsigned int i = 0; i < 256; i++) {
		first[i] = i * 4096;
		second[i] = PAGE_INVALID;
	}
	return second;
}

void dat_on(struct vcpu *vcpu)
{
	vcpu->run->psw_mask |= PSW_DAT;
	set_cr(vcpu, 1, SEGMENT_TABLE | ASCE_SEGMENTS);
}

bool s390_is_diag(struct vcpu *vcpu, unsigned int function)
{
	struct kvm_run *run = vcpu->run;

	return run->exit_reason == KVM_EXIT_S390_SIEIC && run->s390_sieic.icptcode == 4 &&
	       run->s390_sieic.ipa == 0x8300 && run->s390_sieic.ipb == function << 16;
}

void run_diag(struct vcpu *vcpu, unsigned int function)
{
	char regs[200] = "";

	run_until(vcpu, KVM_EXIT_S390_SIEIC);
	if (s390_is_diag(vcpu, function))
		return;
	arch_describe(vcpu, regs, sizeof(regs));
	fail_test("expected DIAGNOSE %#x, seen %s", function, regs);
}

void run_program(struct vcpu *vcpu, unsigned int code)
{
	run_diag(vcpu, DIAG_PROGRAM);
	expect_eq(lowcore16(vcpu, LC_PGM_CODE), code);
}

bool arch_is_done(struct vcpu *vcpu)
{
	return s390_is_diag(vcpu, DIAG_DONE);
}

bool arch_is_nothing(struct vcpu *vcpu)
{
	return s390_is_diag(vcpu, DIAG_PROGRAM) && lowcore16(vcpu, LC_PGM_CODE) == PGM_ADDRESSING;
}

uint64_t arch_result(struct vcpu *vcpu)
{
	return get_gpr(vcpu, 2);
}

void arch_describe(struct vcpu *vcpu, char *buf, size_t len)
{
	struct kvm_run *run = vcpu->run;
	int n = snprintf(buf, len, "psw %016llx %016llx", (unsigned long long)run->psw_mask,
			 (unsigned long long)run->psw_addr);

	if (run->exit_reason == KVM_EXIT_S390_SIEIC)
		n += snprintf(buf + n, len - n, " icpt %#x ipa %#x ipb %#x", run->s390_sieic.icptcode, run->s390_sieic.ipa,
			      run->s390_sieic.ipb);
	if (vcpu->vm->code && s390_is_diag(vcpu, DIAG_PROGRAM))
		snprintf(buf + n, len - n, " program %#x old psw %llx %llx teid %llx", lowcore16(vcpu, LC_PGM_CODE),
			 (unsigned long long)lowcore64(vcpu, LC_PGM_OLD),
			 (unsigned long long)lowcore64(vcpu, LC_PGM_OLD + 8),
			 (unsigned long long)lowcore64(vcpu, LC_TEID));
}
