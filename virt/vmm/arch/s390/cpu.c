// SPDX-License-Identifier: GPL-2.0-only
/*
 * vCPUs: their first state, their exits, and what SIGNAL PROCESSOR leaves to user space. A stopped
 * CPU is parked outside of KVM_RUN, so that others may reset and start it.
 */
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/ioctl.h>

#include "../../loop.h"
#include "s390.h"


/* Interception codes of the state description. */
#define ICPT_INSTRUCTION	0x04
#define ICPT_WAIT		0x1c
#define ICPT_STOP		0x28

#define OP_DIAG			0x83
#define OP_SIGP			0xae
#define OP_SERVC		0xb220
#define OP_PTF			0xb9a2

#define DIAG_IPL		0x308
#define DIAG_NOTIFY		0x500
#define IPL_STORE		6
#define IPL_SET			5
#define IPL_NO_CONFIGURATION	0x102

#define SIGP_START		0x04
#define SIGP_RESTART		0x06
#define SIGP_INITIAL_RESET	0x0b
#define SIGP_RESET		0x0c
#define SIGP_ACCEPTED		0
#define SIGP_STATUS		1
#define SIGP_BUSY		2
#define SIGP_ABSENT		3
#define SIGP_INVALID_ORDER	0x02

#define PTF_HORIZONTAL		0
#define PTF_CHECK		2
#define PTF_IS_SO		(1 << 8)	/* the reason of a refusal */

#define MAX_CPUS		248	/* of a machine with basic SCA */

static atomic_bool stopped[MAX_CPUS];
/* One SIGNAL PROCESSOR at a time. */
static pthread_mutex_t sigp_lock = PTHREAD_MUTEX_INITIALIZER;

void arch_create_irqchip(struct vm *vm)
{
	(void)vm;
}

u32 arch_irq_line(u32 gsi)
{
	return gsi;
}

static void vcpu_ioctl(const struct vcpu *vcpu, unsigned long request, void *arg)
{
	if (ioctl(vcpu->fd, request, arg) < 0)
		die_errno("cannot set the state of CPU %u", vcpu->id);
}

static void set_stopped(struct vcpu *vcpu, bool stop)
{
	struct kvm_mp_state state = {
		.mp_state = stop ? KVM_MP_STATE_STOPPED : KVM_MP_STATE_OPERATING,
	};

	vcpu_ioctl(vcpu, KVM_SET_MP_STATE, &state);
	atomic_store(&stopped[vcpu->id], stop);
}

void arch_create_vcpu(struct vcpu *vcpu)
{
	struct kvm_enable_cap css = { .cap = KVM_CAP_S390_CSS_SUPPORT };

	if (vcpu->id >= MAX_CPUS)
		die("no more than %d CPUs", MAX_CPUS);
	if (vm_capability(vcpu->vm, KVM_CAP_S390_MEM_OP) <= 0)
		die("%s lacks KVM_CAP_S390_MEM_OP", vcpu->vm->options->kvm);
	vcpu_ioctl(vcpu, KVM_S390_INITIAL_RESET, NULL);
	set_stopped(vcpu, vcpu->id != 0);
	if (vcpu->id)
		return;
	/* I/O instructions of all vCPUs come here. */
	vcpu_ioctl(vcpu, KVM_ENABLE_CAP, &css);
	vcpu->run->psw_mask = PSW_64;
	vcpu->run->psw_addr = ENTRY;
}

bool arch_may_run(struct vcpu *vcpu)
{
	return !atomic_load(&stopped[vcpu->id]);
}

void s390_interrupt(struct vm *vm, u64 type, u32 parm, u64 parm64)
{
	struct kvm_s390_interrupt i = { .type = type, .parm = parm, .parm64 = parm64 };

	if (ioctl(vm->fd, KVM_S390_INTERRUPT, &i) < 0 && errno != EBUSY)
		die_errno("cannot interrupt the guest");
}

u64 insn_address(const struct insn *i)
{
	unsigned int base = i->ipb >> 28;

	return (base ? i->regs.gprs[base] : 0) + (i->ipb >> 16 & 0xfff);
}

static bool access_operand(struct insn *i, u32 op, u64 address, void *buf, u32 len)
{
	struct kvm_s390_mem_op m = {
		.gaddr = address, .flags = KVM_S390_MEMOP_F_INJECT_EXCEPTION, .size = len, .op = op,
		.buf = (uintptr_t)buf,
	};
	int r = ioctl(i->vcpu->fd, KVM_S390_MEM_OP, &m);

	if (r < 0)
		die_errno("cannot access the memory of CPU %u", i->vcpu->id);
	return !r;
}

bool insn_read(struct insn *i, u64 address, void *to, u32 len)
{
	return access_operand(i, KVM_S390_MEMOP_LOGICAL_READ, address, to, len);
}

bool insn_write(struct insn *i, u64 address, const void *from, u32 len)
{
	return access_operand(i, KVM_S390_MEMOP_LOGICAL_WRITE, address, (void *)from, len);
}

void insn_cc(struct insn *i, unsigned int cc)
{
	i->vcpu->run->psw_mask &= ~(3ull << PSW_CC_SHIFT);
	i->vcpu->run->psw_mask |= (u64)cc << PSW_CC_SHIFT;
}

void insn_program(struct insn *i, unsigned int code)
{
	struct kvm_s390_irq irq = { .type = KVM_S390_PROGRAM_INT, .u.pgm.code = code };

	vcpu_ioctl(i->vcpu, KVM_S390_IRQ, &irq);
}

void insn_set(struct insn *i, unsigned int n, u64 value)
{
	i->regs.gprs[n] = value;
	vcpu_ioctl(i->vcpu, KVM_SET_REGS, &i->regs);
}

/* Of a stopped CPU: no thread is in it. */
static unsigned int signal_stopped(struct vcpu *target, unsigned int order)
{
	struct kvm_s390_irq restart = { .type = KVM_S390_RESTART };

	switch (order) {
	case SIGP_RESTART:
		vcpu_ioctl(target, KVM_S390_IRQ, &restart);
		set_stopped(target, false);
		vcpus_wake();
		break;
	case SIGP_START:
		set_stopped(target, false);
		vcpus_wake();
		break;
	case SIGP_INITIAL_RESET:
		vcpu_ioctl(target, KVM_S390_INITIAL_RESET, NULL);
		break;
	case SIGP_RESET:
		vcpu_ioctl(target, KVM_S390_NORMAL_RESET, NULL);
		break;
	}
	return SIGP_ACCEPTED;
}

static unsigned int signal_running(struct vcpu *target, unsigned int order)
{
	struct kvm_s390_irq restart = { .type = KVM_S390_RESTART };

	if (order == SIGP_START)
		return SIGP_ACCEPTED;
	if (order != SIGP_RESTART)
		return SIGP_BUSY;	/* it is to be stopped first */
	vcpu_ioctl(target, KVM_S390_IRQ, &restart);
	return SIGP_ACCEPTED;
}

static void signal_processor(struct insn *i)
{
	unsigned int r1 = i->opcode >> 4 & 15, order = insn_address(i) & 0xff;
	unsigned int cpu = i->regs.gprs[i->opcode & 15] & 0xffff;
	struct vm *vm = i->vcpu->vm;

	if (cpu >= vm->nr_vcpus) {
		insn_cc(i, SIGP_ABSENT);
	} else if (order != SIGP_START && order != SIGP_RESTART && order != SIGP_INITIAL_RESET &&
		   order != SIGP_RESET) {
		insn_set(i, r1, (i->regs.gprs[r1] & ~0xffffffffull) | SIGP_INVALID_ORDER);
		insn_cc(i, SIGP_STATUS);
	} else {
		pthread_mutex_lock(&sigp_lock);
		insn_cc(i, atomic_load(&stopped[cpu]) ? signal_stopped(&vm->vcpu[cpu], order) :
							signal_running(&vm->vcpu[cpu], order));
		pthread_mutex_unlock(&sigp_lock);
	}
}

/* PERFORM TOPOLOGY FUNCTION: nothing changes here, and the CPUs are horizontal as they are. */
static void perform_topology_function(struct insn *i)
{
	unsigned int r1 = i->ipb >> 20 & 15;
	u64 function = i->regs.gprs[r1];

	if (function > PTF_CHECK) {
		insn_program(i, PGM_SPECIFICATION);
	} else if (function == PTF_CHECK) {
		insn_cc(i, 0);
	} else {
		if (function == PTF_HORIZONTAL)
			insn_set(i, r1, function | PTF_IS_SO);
		insn_cc(i, 2);
	}
}

static void diagnose(struct insn *i)
{
	unsigned int r1 = i->opcode >> 4 & 15, r3 = i->opcode & 15, function = insn_address(i) & 0xffff;

	if (function == DIAG_NOTIFY)
		css_notify(i);
	else if (function == DIAG_IPL &&
		 (i->regs.gprs[r3] == IPL_STORE || i->regs.gprs[r3] == IPL_SET) && !(r1 & 1))
		insn_set(i, r1 + 1, IPL_NO_CONFIGURATION);
	else
		insn_program(i, PGM_SPECIFICATION);
}

static bool instruction(struct vcpu *vcpu)
{
	struct insn i = {
		.vcpu = vcpu, .opcode = vcpu->run->s390_sieic.ipa, .ipb = vcpu->run->s390_sieic.ipb,
	};

	vcpu_ioctl(vcpu, KVM_GET_REGS, &i.regs);
	if (i.opcode == OP_SERVC)
		sclp_service_call(&i);
	else if (i.opcode >> 8 == OP_SIGP)
		signal_processor(&i);
	else if (i.opcode >> 8 == OP_DIAG)
		diagnose(&i);
	else if (i.opcode == OP_PTF)
		perform_topology_function(&i);
	else if (!css_instruction(&i))
		insn_program(&i, PGM_OPERATION);
	return true;
}

/* The CPU is off; the machine is when all are. */
static void stop(struct vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;
	unsigned int i, left = 0;

	pthread_mutex_lock(&sigp_lock);
	set_stopped(vcpu, true);
	for (i = 0; i < vm->nr_vcpus; i++)
		left += !atomic_load(&stopped[i]);
	pthread_mutex_unlock(&sigp_lock);
	if (!left)
		loop_end(STATUS_OK);
}

static bool intercepted(struct vcpu *vcpu)
{
	switch (vcpu->run->s390_sieic.icptcode) {
	case ICPT_INSTRUCTION:
		return instruction(vcpu);
	case ICPT_STOP:
		stop(vcpu);
		return true;
	case ICPT_WAIT:
		/* No interruption can end it: Linux does so after a panic. */
		warn("CPU %u waits with interruptions disabled", vcpu->id);
		arch_dump(vcpu);
		loop_end(STATUS_FAILED);
		return true;
	default:
		return false;
	}
}

bool arch_exit(struct vcpu *vcpu)
{
	struct insn i = { .vcpu = vcpu };

	switch (vcpu->run->exit_reason) {
	case KVM_EXIT_S390_SIEIC:
		return intercepted(vcpu);
	case KVM_EXIT_S390_TSCH:
		i.ipb = vcpu->run->s390_tsch.ipb;
		vcpu_ioctl(vcpu, KVM_GET_REGS, &i.regs);
		css_test_subchannel(&i);
		return true;
	case KVM_EXIT_S390_RESET:
		/* One of Linux's ways to reset. */
		loop_end(STATUS_OK);
		return true;
	default:
		return false;
	}
}

void arch_dump(struct vcpu *vcpu)
{
	struct kvm_regs regs;
	unsigned int i;

	warn("psw %016llx %016llx, interception 0x%x 0x%x 0x%x", (unsigned long long)vcpu->run->psw_mask,
	     (unsigned long long)vcpu->run->psw_addr, vcpu->run->s390_sieic.icptcode,
	     vcpu->run->s390_sieic.ipa, vcpu->run->s390_sieic.ipb);
	if (ioctl(vcpu->fd, KVM_GET_REGS, &regs) < 0)
		return;
	for (i = 0; i < 16; i += 4)
		warn("r%-2u %016llx %016llx %016llx %016llx", i, (unsigned long long)regs.gprs[i],
		     (unsigned long long)regs.gprs[i + 1], (unsigned long long)regs.gprs[i + 2],
		     (unsigned long long)regs.gprs[i + 3]);
}
