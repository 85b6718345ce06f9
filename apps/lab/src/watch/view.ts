/**
 * What the live view shows, as plain data: the collector fills it, the renderers turn it into text and nothing else.
 * Times are milliseconds, since the demo started where they are moments. NaN: not known (yet).
 */
import type { PathState, PlanMode } from '@corridor/strategy';
import type { PlaceView } from '../demo/drive.js';

export interface WatchView {
  readonly elapsedMs: number;
  /** What is going on before and after the demo runs ("starting three vehicles"); undefined while it runs. */
  readonly phase: string | undefined;
  /** How to read the status from another terminal. */
  readonly statusCommand: string;
  readonly gateway: { readonly state: 'up' | 'restarting' | 'silent'; readonly sessions: number };
  readonly vehicles: readonly VehicleView[];
  /** Answer to the last key, shown for a moment. */
  readonly notice: string | undefined;
  readonly help: boolean;
}

export interface VehicleView {
  /** From 0. */
  readonly number: number;
  readonly session: 'none' | 'handshaking' | 'established';
  /** How long the session has stood. */
  readonly sessionMs: number;
  readonly cipher: string;
  readonly place: PlaceView;
  readonly links: readonly LinkView[];
  readonly apps: readonly AppView[];
  /** Newest first. */
  readonly events: readonly EventView[];
}

export interface LinkView {
  /** Key that cuts and restores it. */
  readonly key: string;
  readonly name: string;
  readonly operator: string;
  readonly state: PathState | 'absent';
  readonly reason: string;
  readonly stateMs: number;
  /** Cut by the person at the keyboard. */
  readonly cut: boolean;
  /** Traffic classes whose first choice it is. */
  readonly carries: readonly string[];
  readonly rttMs: number;
  readonly rttHistory: readonly number[];
  /** Worse one of the two directions. */
  readonly lossRatio: number;
  readonly lossHistory: readonly number[];
  readonly upBps: number;
  readonly upHistory: readonly number[];
  readonly downBps: number;
  readonly downHistory: readonly number[];
}

interface AppBase {
  readonly name: string;
  /** Names of the links in use, first choice first. */
  readonly paths: readonly string[];
  readonly mode: PlanMode;
  readonly strategy: string;
}

/** A flow of stamped packets: vitals, video. */
export interface FlowView extends AppBase {
  readonly kind: 'flow';
  /** Median one-way delay over the last seconds. */
  readonly delayMs: number;
  readonly delayHistory: readonly number[];
  readonly longestGapMs: number;
  readonly recentGapMs: number;
  readonly sent: number;
  readonly lost: number;
}

/** Web pages fetched one after the other. */
export interface WebView extends AppBase {
  readonly kind: 'web';
  readonly lastMs: number;
  readonly medianMs: number;
  readonly p95Ms: number;
  readonly history: readonly number[];
  readonly pages: number;
  readonly failed: number;
}

export type AppView = FlowView | WebView;

export interface EventView {
  readonly atMs: number;
  readonly tone: 'good' | 'bad' | 'switch' | 'info';
  /** Traffic classes that it is about. */
  readonly subject?: string;
  readonly text: string;
}
