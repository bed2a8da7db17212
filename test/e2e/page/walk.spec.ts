import { describeWalks } from '../../support/page-walk';

// The same walks each time, so that what is red is the last change; `long-walk` takes others.
describeWalks(5, 100, 910_166);
