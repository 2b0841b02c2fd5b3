// SPDX-License-Identifier: GPL-2.0-only
/* berth, a small virtual machine monitor: boots Linux over the KVM interface. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>

#include "arch.h"
#include "info.h"
#include "loop.h"
#include "net.h"
#include "virtio.h"

static int signal_fd;

static void signalled(void *ctx)
{
	(void)ctx;
	loop_end(STATUS_FAILED);
}

/* A signal ends the loop and with it the program, so that the terminal is left as it was. */
static void watch_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
	if (signal_fd < 0)
		die_errno("cannot wait for signals");
	loop_add(signal_fd, NULL, signalled, NULL);
}

static void load(struct vm *vm)
{
	const struct options *o = vm->options;
	char *line;

	if (asprintf(&line, "console=%s%s%s%s", arch_console,
		     o->console == CONSOLE_VIRTIO ? " console=hvc0" : "",
		     *o->append ? " " : "", o->append) < 0)
		die("out of memory");
	memory_create(&vm->memory, o->memory);
	arch_load(vm, line);
	free(line);
}

static void create_virtio(struct vm *vm)
{
	const struct options *o = vm->options;
	unsigned int i;

	for (i = 0; i < o->nr_disks; i++)
		arch_add_virtio(vm, virtio_blk_create(vm, &o->disk[i]));
	if (o->network == NET_USER)
		arch_add_virtio(vm, virtio_net_create(vm, net_user_open()));
	else if (o->network == NET_TAP)
		arch_add_virtio(vm, virtio_net_create(vm, net_tap_open(o->tap)));
	arch_add_virtio(vm, virtio_rng_create(vm));
	if (o->console == CONSOLE_VIRTIO)
		arch_add_virtio(vm, virtio_console_create(vm));
}

static int run(int argc, char **argv)
{
	struct options options;
	struct vm vm = { .options = &options };
	int status;

	options_run(&options, argc, argv);
	loop_create();
	watch_signals();
	load(&vm);
	vm_create(&vm);
	vcpus_create(&vm);
	arch_create_devices(&vm);
	create_virtio(&vm);
	arch_describe(&vm);
	vcpus_start(&vm);
	status = loop_run();
	vcpus_stop(&vm);
	return status;
}

static int info(int argc, char **argv)
{
	struct options options;

	options_info(&options, argc, argv);
	return info_show(&options);
}

int main(int argc, char **argv)
{
	if (argc < 2)
		usage_error("what to do? 'run' or 'info'");
	if (!strcmp(argv[1], "run"))
		return run(argc - 2, argv + 2);
	if (!strcmp(argv[1], "info"))
		return info(argc - 2, argv + 2);
	if (strcmp(argv[1], "--help") && strcmp(argv[1], "help"))
		usage_error("unknown command '%s'", argv[1]);
	options_help();
	return STATUS_OK;
}
