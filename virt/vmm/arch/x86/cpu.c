// SPDX-License-Identifier: GPL-2.0-only
/* The state in which the first vCPU enters a kernel: 64-bit mode, memory mapped as it is. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "x86.h"

#define CR0_PE		(1u << 0)
#define CR0_ET		(1u << 4)
#define CR0_PG		(1u << 31)
#define CR4_PAE		(1u << 5)
#define EFER_LME	(1u << 8)
#define EFER_LMA	(1u << 10)
#define FLAGS_ONE	(1u << 1)

#define PTE_PRESENT	(1u << 0)
#define PTE_WRITE	(1u << 1)
#define PTE_HUGE	(1u << 7)
#define PTES		512
#define PAGE		4096ull

#define GDT_CODE	0x00af9b000000ffffull	/* 64-bit code, flat data */
#define GDT_DATA	0x00cf93000000ffffull

#define MSR_MTRR_DEF_TYPE	0x2ff
#define MTRR_ON_WRITE_BACK	0x806

static u64 *table(struct vm *vm, unsigned int n)
{
	return memory_at(&vm->memory, PAGE_TABLES_AT + n * PAGE, PAGE);
}

/* Maps the first 4 GB in pages of 2 MB: one table of level 4, one of level 3, four of level 2. */
static void create_page_tables(struct vm *vm)
{
	u64 i;

	table(vm, 0)[0] = (PAGE_TABLES_AT + PAGE) | PTE_PRESENT | PTE_WRITE;
	for (i = 0; i < 4; i++)
		table(vm, 1)[i] = (PAGE_TABLES_AT + (2 + i) * PAGE) | PTE_PRESENT | PTE_WRITE;
	for (i = 0; i < 4 * PTES; i++)
		table(vm, 2 + i / PTES)[i % PTES] =
			i * 2 * MB | PTE_PRESENT | PTE_WRITE | PTE_HUGE;
}

static void create_gdt(struct vm *vm)
{
	u64 *gdt = memory_at(&vm->memory, GDT_AT, 32);

	gdt[BOOT_CS / 8] = GDT_CODE;
	gdt[BOOT_DS / 8] = GDT_DATA;
}

static void set_segments(struct kvm_sregs *s)
{
	const struct kvm_segment code = {
		.limit = 0xffffffff, .selector = BOOT_CS, .type = 11, .present = 1, .s = 1,
		.l = 1, .g = 1,
	};
	const struct kvm_segment data = {
		.limit = 0xffffffff, .selector = BOOT_DS, .type = 3, .present = 1, .s = 1,
		.db = 1, .g = 1,
	};

	s->cs = code;
	s->ds = s->es = s->fs = s->gs = s->ss = data;
	s->gdt.base = GDT_AT;
	s->gdt.limit = BOOT_DS + 7;
}

static void set_boot_state(struct vcpu *vcpu)
{
	struct kvm_regs regs = { .rip = x86_entry, .rsi = ZERO_PAGE_AT, .rflags = FLAGS_ONE };
	struct kvm_sregs s;

	create_page_tables(vcpu->vm);
	create_gdt(vcpu->vm);
	if (ioctl(vcpu->fd, KVM_GET_SREGS, &s) < 0)
		die_errno("cannot get the state of CPU %u", vcpu->id);
	set_segments(&s);
	s.cr0 = CR0_PE | CR0_ET | CR0_PG;
	s.cr3 = PAGE_TABLES_AT;
	s.cr4 = CR4_PAE;
	s.efer = EFER_LME | EFER_LMA;
	if (ioctl(vcpu->fd, KVM_SET_SREGS, &s) < 0 || ioctl(vcpu->fd, KVM_SET_REGS, &regs) < 0)
		die_errno("cannot set the state of CPU %u", vcpu->id);
}

void arch_create_vcpu(struct vcpu *vcpu)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} mtrr = { { .nmsrs = 1 }, { .index = MSR_MTRR_DEF_TYPE, .data = MTRR_ON_WRITE_BACK } };

	cpuid_set(vcpu);
	/* What firmware does. Without MTRRs the kernel goes on, and says so. */
	ioctl(vcpu->fd, KVM_SET_MSRS, &mtrr);
	if (!vcpu->id)
		set_boot_state(vcpu);
}

bool arch_may_run(struct vcpu *vcpu)
{
	(void)vcpu;
	return true;
}

bool arch_exit(struct vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	u8 *data = (u8 *)run + run->io.data_offset;
	u32 i;

	if (run->exit_reason != KVM_EXIT_IO)
		return false;
	for (i = 0; i < run->io.count; i++, data += run->io.size)
		bus_access(&vcpu->vm->pio, run->io.port, data, run->io.size,
			   run->io.direction == KVM_EXIT_IO_OUT);
	return true;
}

void arch_dump(struct vcpu *vcpu)
{
	struct kvm_regs r;
	struct kvm_sregs s;

	if (ioctl(vcpu->fd, KVM_GET_REGS, &r) < 0 || ioctl(vcpu->fd, KVM_GET_SREGS, &s) < 0)
		return;
	warn("rip %016llx rsp %016llx rflags %08llx cs %04x base %llx", r.rip, r.rsp, r.rflags,
	     s.cs.selector, s.cs.base);
	warn("rax %016llx rbx %016llx rcx %016llx rdx %016llx", r.rax, r.rbx, r.rcx, r.rdx);
	warn("rsi %016llx rdi %016llx rbp %016llx r8  %016llx", r.rsi, r.rdi, r.rbp, r.r8);
	warn("cr0 %08llx cr2 %016llx cr3 %016llx cr4 %08llx efer %llx", s.cr0, s.cr2, s.cr3, s.cr4,
	     s.efer);
}
