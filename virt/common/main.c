// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module: /dev/kvm, the system ioctls' file, and the extension's life on every
 * CPU (load, hotplug, suspend, reboot).
 */

#include <berth/backend.h>
#include <linux/cpuhotplug.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/reboot.h>

static bool ready;			/* [a] open() is allowed */
static enum cpuhp_state cpuhp_state;

static int sys_open(struct inode *inode, struct file *file)
{
	return smp_load_acquire(&ready) ? 0 : -ENODEV;
}

static long sys_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return berth_ioctl_dispatch(BERTH_SCOPE_SYSTEM, (union berth_ioctl_object) { }, cmd, arg);
}

static const struct file_operations sys_fops = {
	.owner		= THIS_MODULE,
	.open		= sys_open,
	.unlocked_ioctl	= sys_ioctl,
	.llseek		= noop_llseek,
};

static struct miscdevice sys_device = {
	.minor	= KVM_MINOR,
	.name	= "kvm",
	.fops	= &sys_fops,
};

static int cpu_up_enable(unsigned int cpu)
{
	int r = berth_backend.cpu_enable();

	if (r)
		pr_err("cpu %u: cannot enable the virtualization extension (%d)%s\n", cpu, r,
		       r == -EBUSY ? ": another hypervisor uses it" : "");
	return r;
}

static int cpu_down_disable(unsigned int cpu)
{
	berth_backend.cpu_disable();
	return 0;
}

/* Suspend takes the last CPU down behind CPU hotplug's back. */
static int syscore_suspend_cpu(BERTH_SYSCORE_ARG)
{
	berth_backend.cpu_disable();
	return 0;
}

static void syscore_resume_cpu(BERTH_SYSCORE_ARG)
{
	WARN_ON(berth_backend.cpu_enable());
}

BERTH_SYSCORE(syscore, syscore_suspend_cpu, syscore_resume_cpu);

static void cpu_disable_ipi(void *unused)
{
	berth_backend.cpu_disable();
}

/* Firmware and the next kernel expect CPUs that are nobody's host. */
static int reboot(struct notifier_block *nb, unsigned long event, void *unused)
{
	smp_store_release(&ready, false);
	on_each_cpu(cpu_disable_ipi, NULL, 1);
	return NOTIFY_OK;
}

static struct notifier_block reboot_notifier = { .notifier_call = reboot };

static int __init berth_init(void)
{
	const char *why = NULL;
	int r;

	r = berth_ioctl_init();
	if (r)
		return r;
	/* First, since it tells whether the kernel's own KVM is loaded; open() waits. */
	r = misc_register(&sys_device);
	if (r) {
		pr_err("/dev/kvm belongs to another hypervisor: %s\n", berth_backend.data.let_go);
		return r;
	}
	r = berth_backend.setup(&why);
	if (r) {
		pr_err("%s\n", why ?: "this machine cannot run guests");
		goto out_misc;
	}
	r = berth_vcpu_module_init();
	if (r)
		goto out_setup;
	r = berth_irqfd_module_init();
	if (r)
		goto out_vcpu;
	r = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "virt/berth:online",
			      cpu_up_enable, cpu_down_disable);
	if (r < 0)
		goto out_irqfd;
	cpuhp_state = r;
	berth_syscore_register(&syscore);
	register_reboot_notifier(&reboot_notifier);
	smp_store_release(&ready, true);
	pr_info("%s ready\n", berth_backend.data.name);
	return 0;

out_irqfd:
	berth_irqfd_module_exit();
out_vcpu:
	berth_vcpu_module_exit();
out_setup:
	berth_backend.unsetup();
out_misc:
	misc_deregister(&sys_device);
	return r;
}

static void __exit berth_exit(void)
{
	misc_deregister(&sys_device);
	unregister_reboot_notifier(&reboot_notifier);
	berth_syscore_unregister(&syscore);
	cpuhp_remove_state(cpuhp_state);
	berth_irqfd_module_exit();
	berth_vcpu_module_exit();
	berth_backend.unsetup();
}

module_init(berth_init);
module_exit(berth_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Berth: a cross-architecture hypervisor serving the KVM interface");
MODULE_ALIAS_MISCDEV(KVM_MINOR);
MODULE_ALIAS("devname:kvm");
