// SPDX-License-Identifier: GPL-2.0-only
/*
 * AMD-V on the host: may it be used, which of its features, and turning it on and off
 * on a CPU.  Permission maps, which all guests share, are made here, too.
 */
#include <asm/asm.h>
#include <asm/cpufeature.h>
#include <asm/fpu/xcr.h>
#include <asm/msr.h>
#include <asm/reboot.h>
#include <asm/special_insns.h>
#include <linux/cc_platform.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include "svm.h"

bool svm_nrips __ro_after_init = true;
module_param(svm_nrips, bool, 0444);
MODULE_PARM_DESC(svm_nrips, "use the next RIP that exits save");

bool svm_decode_assists __ro_after_init = true;
module_param(svm_decode_assists, bool, 0444);
MODULE_PARM_DESC(svm_decode_assists, "use the operands and bytes that exits save");

bool svm_flush_by_asid __ro_after_init = true;
module_param(svm_flush_by_asid, bool, 0444);
MODULE_PARM_DESC(svm_flush_by_asid, "flush one guest's translations instead of changing its ASID");

bool svm_pause_filter __ro_after_init = true;
module_param(svm_pause_filter, bool, 0444);
MODULE_PARM_DESC(svm_pause_filter, "yield when a guest spins on PAUSE");

bool svm_lbrv __ro_after_init = true;
module_param(svm_lbrv, bool, 0444);
MODULE_PARM_DESC(svm_lbrv, "give guests the recording of their branches");
bool svm_tsc_scale __ro_after_init = true;
module_param(svm_tsc_scale, bool, 0444);
MODULE_PARM_DESC(svm_tsc_scale, "let guests' TSCs run at another rate than the host's");

static bool svm_clean_bits __ro_after_init = true;
module_param(svm_clean_bits, bool, 0444);
MODULE_PARM_DESC(svm_clean_bits, "tell the CPU which parts of a VMCB have not changed");

u32 svm_clean_mask __ro_after_init;
u64 svm_host_xcr0 __ro_after_init;

DEFINE_PER_CPU(struct svm_cpu, svm_cpu);

/* Permission maps (15.10.1, 15.11): a set bit is an exit. */
#define IOPM_BYTES	(3 * PAGE_SIZE)
#define MSRPM_BYTES	(2 * PAGE_SIZE)
#define MSRPM_RANGE	0x2000		/* MSRs a range covers, two bits each */

static void *svm_iopm, *svm_msrpm, *svm_msrpm_none;
phys_addr_t svm_iopm_pa, svm_msrpm_pa, svm_msrpm_none_pa;

static const u32 msrpm_ranges[] = { 0x00000000, 0xc0000000, 0xc0010000 };

/* MSRs the VMCB switches and for which any value that WRMSR takes is the guest's affair. */
static const u32 passed_msrs[] = {
	MSR_FS_BASE, MSR_GS_BASE, MSR_KERNEL_GS_BASE,
	MSR_STAR, MSR_LSTAR, MSR_CSTAR, MSR_SYSCALL_MASK,
	MSR_IA32_SYSENTER_CS, MSR_IA32_SYSENTER_ESP, MSR_IA32_SYSENTER_EIP,
};

static void pass_msr(u32 msr)
{
	unsigned int i, bit;

	for (i = 0; i < ARRAY_SIZE(msrpm_ranges); i++) {
		if (msr - msrpm_ranges[i] >= MSRPM_RANGE)
			continue;
		bit = 2 * (i * MSRPM_RANGE + msr - msrpm_ranges[i]);
		__clear_bit(bit, svm_msrpm);
		__clear_bit(bit + 1, svm_msrpm);
	}
}

bool svm_passed_msrs_filtered(struct berth_vm *vm)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(passed_msrs); i++)
		if (!x86_msr_allowed(vm, passed_msrs[i], false) ||
		    !x86_msr_allowed(vm, passed_msrs[i], true))
			return true;
	return false;
}

static int alloc_maps(void)
{
	unsigned int i;

	svm_iopm = alloc_pages_exact(IOPM_BYTES, GFP_KERNEL);
	svm_msrpm = alloc_pages_exact(MSRPM_BYTES, GFP_KERNEL);
	svm_msrpm_none = alloc_pages_exact(MSRPM_BYTES, GFP_KERNEL);
	if (!svm_iopm || !svm_msrpm || !svm_msrpm_none)
		return -ENOMEM;
	memset(svm_iopm, 0xff, IOPM_BYTES);
	memset(svm_msrpm, 0xff, MSRPM_BYTES);
	memset(svm_msrpm_none, 0xff, MSRPM_BYTES);
	for (i = 0; i < ARRAY_SIZE(passed_msrs); i++)
		pass_msr(passed_msrs[i]);
	svm_iopm_pa = virt_to_phys(svm_iopm);
	svm_msrpm_pa = virt_to_phys(svm_msrpm);
	svm_msrpm_none_pa = virt_to_phys(svm_msrpm_none);
	return 0;
}

static void free_maps(void)
{
	if (svm_iopm)
		free_pages_exact(svm_iopm, IOPM_BYTES);
	if (svm_msrpm)
		free_pages_exact(svm_msrpm, MSRPM_BYTES);
	if (svm_msrpm_none)
		free_pages_exact(svm_msrpm_none, MSRPM_BYTES);
	svm_iopm = svm_msrpm = svm_msrpm_none = NULL;
}

/* Its interrupt is all that is wanted of it. */
static void exit_now(struct irq_work *work)
{
}

static int alloc_cpu(unsigned int cpu)
{
	struct svm_cpu *sc = per_cpu_ptr(&svm_cpu, cpu);
	struct page *page = alloc_pages_node(cpu_to_node(cpu), GFP_KERNEL | __GFP_ZERO, 1);

	if (!page)
		return -ENOMEM;
	sc->hsave_pa = page_to_phys(page);
	sc->host_pa = sc->hsave_pa + PAGE_SIZE;
	init_irq_work(&sc->exit_now, exit_now);
	return 0;
}

static void free_cpus(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		struct svm_cpu *sc = per_cpu_ptr(&svm_cpu, cpu);

		if (sc->hsave_pa)
			free_pages((unsigned long)phys_to_virt(sc->hsave_pa), 1);
		sc->hsave_pa = 0;
	}
}

/* -EOPNOTSUPP or -EBUSY with a sentence, when this machine is not for us. */
static int check_host(const char **why)
{
	u64 vm_cr = 0, efer;

	if (!boot_cpu_has(X86_FEATURE_SVM)) {
		*why = "this CPU has no AMD-V (SVM)";
		return -EOPNOTSUPP;
	}
	if (!boot_cpu_has(X86_FEATURE_NPT)) {
		*why = "this CPU's AMD-V has no nested paging, which Berth needs";
		return -EOPNOTSUPP;
	}
	/* A CPU without the register cannot have been disabled by it. */
	if (!rdmsrl_safe(MSR_VM_CR, &vm_cr) && (vm_cr & SVM_VM_CR_SVM_DIS_MASK)) {
		*why = "AMD-V (SVM) is disabled by the firmware";
		return -EOPNOTSUPP;
	}
	if (cc_platform_has(CC_ATTR_MEM_ENCRYPT)) {
		*why = "memory encryption (SME or SEV) is active, which Berth does not support";
		return -EOPNOTSUPP;
	}
	if (cpuid_ebx(SVM_CPUID_FUNC) < 2) {
		*why = "this CPU's AMD-V has no address space for a guest";
		return -EOPNOTSUPP;
	}
	rdmsrl(MSR_EFER, efer);
	if (efer & EFER_SVME) {
		*why = "another hypervisor uses AMD-V";
		return -EBUSY;
	}
	return 0;
}

static void choose_features(void)
{
	svm_nrips &= boot_cpu_has(X86_FEATURE_NRIPS);
	svm_decode_assists &= boot_cpu_has(X86_FEATURE_DECODEASSISTS);
	svm_flush_by_asid &= boot_cpu_has(X86_FEATURE_FLUSHBYASID);
	svm_pause_filter &= boot_cpu_has(X86_FEATURE_PAUSEFILTER);
	svm_lbrv &= boot_cpu_has(X86_FEATURE_LBRV);
	svm_tsc_scale &= boot_cpu_has(X86_FEATURE_TSCRATEMSR);
	svm_clean_bits &= boot_cpu_has(X86_FEATURE_VMCBCLEAN);
	if (svm_tsc_scale)
		x86_tsc_scale = (struct x86_tsc_scale){ .width = 40, .fraction = 32 };
	svm_clean_mask = svm_clean_bits ? BIT(SVM_NR_CLEAN) - 1 : 0;
	if (boot_cpu_has(X86_FEATURE_OSXSAVE))
		svm_host_xcr0 = xgetbv(XCR_XFEATURE_ENABLED_MASK);
}

int svm_setup(const char **why)
{
	unsigned int cpu;
	int r = check_host(why);
	u64 efer;

	if (r)
		return r;
	choose_features();
	rdmsrl(MSR_EFER, efer);
	svm_npt_setup(efer & EFER_NX, __read_cr4() & X86_CR4_LA57,
		      boot_cpu_has(X86_FEATURE_GBPAGES));
	r = alloc_maps();
	if (r)
		goto out_maps;
	for_each_possible_cpu(cpu) {
		r = alloc_cpu(cpu);
		if (r)
			goto out_cpus;
	}
	/* A crash turns AMD-V off behind our back: INIT and NMI must get through. */
	cpu_emergency_register_virt_callback(svm_cpu_disable);
	return 0;

out_cpus:
	free_cpus();
out_maps:
	free_maps();
	*why = "out of memory";
	return r;
}

void svm_unsetup(void)
{
	cpu_emergency_unregister_virt_callback(svm_cpu_disable);
	free_cpus();
	free_maps();
}

/*
 * Counted on from the last time, the generation makes every vCPU that ran here before
 * take a new ASID; the first one taken flushes what anyone left in the TLB.
 */
int svm_cpu_enable(void)
{
	struct svm_cpu *sc = this_cpu_ptr(&svm_cpu);
	u64 efer;

	rdmsrl(MSR_EFER, efer);
	if (efer & EFER_SVME)
		return -EBUSY;
	sc->generation++;
	sc->max_asid = cpuid_ebx(SVM_CPUID_FUNC) - 1;
	sc->next_asid = sc->max_asid + 1;
	if (boot_cpu_has(X86_FEATURE_RDTSCP) || boot_cpu_has(X86_FEATURE_RDPID))
		rdmsrl(MSR_TSC_AUX, sc->tsc_aux);
	svm_reset_tsc_ratio();
	wrmsrl(MSR_EFER, efer | EFER_SVME);
	wrmsrl(MSR_VM_HSAVE_PA, sc->hsave_pa);
	return 0;
}

/*
 * Also the crash path's, possibly in an NMI: that AMD-V is on is read back, not
 * remembered.  Whatever was interrupted may have left interrupts held (15.17).
 */
void svm_cpu_disable(void)
{
	u64 efer;

	rdmsrl(MSR_EFER, efer);
	if (!(efer & EFER_SVME))
		return;
	wrmsrl(MSR_VM_HSAVE_PA, 0);
	/* It is #UD where an NMI turned AMD-V off since: then nothing is held. */
	asm volatile("1: stgi\n2:\n" _ASM_EXTABLE(1b, 2b) : : : "memory");
	svm_reset_tsc_ratio();
	wrmsrl(MSR_EFER, efer & ~EFER_SVME);
}

const struct x86_vendor svm_vendor = {
	.name = "AMD-V",
	.setup = svm_setup,
	.unsetup = svm_unsetup,
	.cpu_enable = svm_cpu_enable,
	.cpu_disable = svm_cpu_disable,
	.s2_format = svm_npt_format,
	.vcpu_init = svm_vcpu_init,
	.vcpu_destroy = svm_vcpu_destroy,
	.vcpu_load = svm_vcpu_load,
	.vcpu_put = svm_vcpu_put,
	.run = svm_run,
	.get_segment = svm_get_segment,
	.set_segment = svm_set_segment,
	.get_table = svm_get_table,
	.set_table = svm_set_table,
	.get_cr = svm_get_cr,
	.set_cr = svm_set_cr,
	.get_efer = svm_get_efer,
	.set_efer = svm_set_efer,
	.get_cpl = svm_get_cpl,
	.get_context = svm_get_context,
	.get_emul_seg = svm_get_emul_seg,
	.get_msr = svm_get_msr,
	.set_msr = svm_set_msr,
	.get_shadow = svm_get_shadow,
	.set_shadow = svm_set_shadow,
	.update_traps = svm_update_traps,
	.tlb_flush = svm_tlb_flush,
	.write_tsc = svm_write_tsc,
	.update_msr_filter = svm_update_msr_filter,
	.dump = svm_dump,
};
