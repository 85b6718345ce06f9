import type { Map as MapLibreMap } from 'maplibre-gl';
import { token } from '../app/theme.js';
import type { ShownState } from '../live/shown.js';

const PIXEL_RATIO = 2;

function draw(size: number, paint: (context: CanvasRenderingContext2D) => void): ImageData {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = size * PIXEL_RATIO;
  const context = canvas.getContext('2d');
  if (context === null) throw new Error('this browser draws no canvas');
  context.scale(PIXEL_RATIO, PIXEL_RATIO);
  paint(context);
  return context.getImageData(0, 0, canvas.width, canvas.height);
}

/** A disc with a sign in it: the sign tells the state to those who do not see its colour. */
const SIGNS: Readonly<Record<ShownState, (context: CanvasRenderingContext2D) => void>> = {
  live: (context) => {
    context.beginPath();
    context.moveTo(12, 7.5);
    context.lineTo(12, 16.5);
    context.moveTo(7.5, 12);
    context.lineTo(16.5, 12);
    context.stroke();
  },
  stale: (context) => {
    context.beginPath();
    context.moveTo(12, 6.5);
    context.lineTo(12, 13);
    context.moveTo(12, 16.4);
    context.lineTo(12, 16.6);
    context.stroke();
  },
  offline: (context) => {
    context.beginPath();
    context.moveTo(8.5, 8.5);
    context.lineTo(15.5, 15.5);
    context.moveTo(15.5, 8.5);
    context.lineTo(8.5, 15.5);
    context.stroke();
  },
  never: (context) => {
    context.beginPath();
    context.arc(12, 12, 3, 0, 7);
    context.stroke();
  },
  unknown: (context) => {
    context.beginPath();
    context.arc(12, 9.7, 2.6, Math.PI, 2.3);
    context.lineTo(12, 13.4);
    context.moveTo(12, 16.6);
    context.lineTo(12, 16.8);
    context.stroke();
  },
};

function vehicleIcon(state: ShownState): ImageData {
  return draw(24, (context) => {
    context.beginPath();
    context.arc(12, 12, 10, 0, 7);
    context.fillStyle = token(`--${state}-fill`);
    context.fill();
    context.lineWidth = 2;
    context.strokeStyle = '#fff';
    context.stroke();
    context.lineWidth = 2.4;
    context.lineCap = 'round';
    SIGNS[state](context);
  });
}

/** A wedge outside of the disc, pointing north; the map turns it. */
function headingIcon(): ImageData {
  return draw(44, (context) => {
    context.beginPath();
    context.moveTo(22, 1.5);
    context.lineTo(30, 12.5);
    context.quadraticCurveTo(22, 8.5, 14, 12.5);
    context.closePath();
    context.fillStyle = token('--live-fill');
    context.strokeStyle = '#fff';
    context.lineWidth = 1.5;
    context.fill();
    context.stroke();
  });
}

function pointIcon(letter: string, colour: string): ImageData {
  return draw(18, (context) => {
    context.beginPath();
    context.roundRect(1, 1, 16, 16, 4);
    context.fillStyle = colour;
    context.fill();
    context.fillStyle = '#fff';
    context.font = '700 11px "Inter Variable", sans-serif';
    context.textAlign = 'center';
    context.fillText(letter, 9, 13);
  });
}

/** (Re)draws every image of the map in the colours of the theme in force. */
export function addIcons(map: MapLibreMap): void {
  const images: [string, ImageData][] = [
    ['vehicle-live', vehicleIcon('live')],
    ['vehicle-stale', vehicleIcon('stale')],
    ['vehicle-offline', vehicleIcon('offline')],
    ['vehicle-never', vehicleIcon('never')],
    ['vehicle-unknown', vehicleIcon('unknown')],
    ['heading', headingIcon()],
    ['point-hospital', pointIcon('H', '#2f6fbd')],
    ['point-station', pointIcon('R', '#b23b33')],
    ['point-mast', pointIcon('M', '#6b7887')],
  ];
  for (const [name, image] of images) {
    if (map.hasImage(name)) map.removeImage(name);
    map.addImage(name, image, { pixelRatio: PIXEL_RATIO });
  }
}
