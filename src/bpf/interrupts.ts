/**
 * Tracepoints that fire in interrupts and softirqs, always or often: what runs there has been interrupted, and has nothing to do with the
 * event. Where each fires: the files of Linux 6.18 that are named.
 */

const all = [
  // kernel/irq/handle.c, kernel/softirq.c, arch/x86/kernel/irq.c and apic/*.c
  "irq_handler_entry irq_handler_exit softirq_entry softirq_exit softirq_raise tasklet_entry tasklet_exit irq_work_entry irq_work_exit",
  "local_timer_entry local_timer_exit reschedule_entry reschedule_exit call_function_entry call_function_exit",
  "call_function_single_entry call_function_single_exit",
  // kernel/time/hrtimer.c, kernel/time/timer.c, kernel/time/alarmtimer.c
  "hrtimer_expire_entry hrtimer_expire_exit timer_expire_entry timer_expire_exit alarmtimer_fired itimer_expire",
  // block/blk-mq.c, block/bio.c
  "block_rq_complete block_rq_error block_bio_complete block_io_done",
  // net/core/dev.c, net/core/gro.c, net/core/skbuff.c, net/core/sock.c
  "netif_receive_skb netif_receive_skb_entry netif_receive_skb_exit netif_receive_skb_list_entry netif_receive_skb_list_exit napi_poll",
  "napi_gro_frags_entry napi_gro_frags_exit napi_gro_receive_entry napi_gro_receive_exit netif_rx netif_rx_entry netif_rx_exit",
  "kfree_skb consume_skb sock_rcvqueue_full udp_fail_queue_rcv_skb",
  // net/ipv4/tcp_input.c, tcp_output.c, tcp_timer.c, tcp_ipv4.c, af_inet.c
  "tcp_probe tcp_receive_reset tcp_send_reset tcp_retransmit_skb tcp_retransmit_synack tcp_bad_csum tcp_cong_state_set",
  "tcp_cwnd_reduction_tp inet_sock_set_state inet_sk_error_report",
  // kernel/sched/core.c: an interrupt may be what wakes it, and the task that is moved is an argument
  "sched_wakeup sched_waking sched_migrate_task",
] as const;

type Words<Text extends string> = Text extends `${infer First} ${infer Rest}` ? First | Words<Rest> : Text;

/** The name of a tracepoint that fires in interrupts. */
export type InterruptTracepoint = Words<(typeof all)[number]>;

const names: ReadonlySet<string> = new Set(all.flatMap((words) => words.split(" ")));

/** Does the tracepoint fire in interrupts? */
export function firesInInterrupts(tracepoint: string): boolean {
  return names.has(tracepoint);
}
