// First, so that an old Node is explained before anything is loaded that it could not even parse.
import './node-version';
import './compile-cache';
import { boot } from './boot/boot';

void boot();
