/* Two threads that never sleep and a third that one of them wakes, all on one processor: how does the kernel share it?
 * Usage: two_hogs EVERY WORK SECONDS (ms of the first thread's own running between two wake-ups; ms of work of each).
 * Prints, in ms and one a line: "run T" for each stretch that the second thread had, "wake T" for each wait. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define MOST (1 << 20)
static const double GAP = 0.03; /* ms between two looks at the clock from which on the thread did not run */
static volatile int running = 1;
static double every, work, sent[MOST], waited[MOST], runs[MOST];
static volatile int wakes;
static int woken, stretches;
static sem_t asked;

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e3 + t.tv_nsec * 1e-6;
}

static void *waker(void *nothing)
{
	double last = now(), used = 0, next = every;
	while (running) {
		double t = now();
		if (t - last < GAP)
			used += t - last;
		last = t;
		if (every > 0 && used > next && wakes < MOST) {
			next = used + every;
			sent[wakes++] = now();
			sem_post(&asked);
		}
	}
	return nothing;
}

static void *hog(void *nothing)
{
	double last = now(), start = last;
	while (running) {
		double t = now();
		if (t - last > GAP) {
			if (stretches < MOST)
				runs[stretches++] = last - start;
			start = t;
		}
		last = t;
	}
	return nothing;
}

static void *light(void *nothing)
{
	for (;;) {
		sem_wait(&asked);
		double t = now();
		if (!running)
			return nothing;
		waited[woken] = t - sent[woken];
		woken++;
		while (now() - t < work)
			;
	}
}

int main(int count, char **given)
{
	if (count != 4)
		return 2;
	every = atof(given[1]);
	work = atof(given[2]);
	cpu_set_t one;
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	if (sched_setaffinity(0, sizeof one, &one) || sem_init(&asked, 0, 0))
		return 1;
	pthread_t threads[3];
	pthread_create(&threads[0], 0, light, 0);
	pthread_create(&threads[1], 0, waker, 0);
	pthread_create(&threads[2], 0, hog, 0);
	usleep((useconds_t)(atof(given[3]) * 1e6));
	running = 0;
	sem_post(&asked);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], 0);
	for (int i = 0; i < stretches; i++)
		printf("run %.4f\n", runs[i]);
	for (int i = 0; i < woken; i++)
		printf("wake %.4f\n", waited[i]);
	return 0;
}
